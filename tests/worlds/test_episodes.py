"""States, actions and outcomes of a store: geometry that agrees with itself, and what may not be read from it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from smcrep.data.store import Store
from smcrep.geometry.action import apply
from smcrep.geometry.physics import Physics
from smcrep.worlds.dynamics.mechanics import UnstableSimulation
from smcrep.worlds.episodes import Episode, draw, shard_rows
from smcrep.worlds.generate import generate, run_shard
from smcrep.worlds.objects.families import procedural_set
from smcrep.worlds.objects.source import MeshObjects, ProceduralObjects
from smcrep.worlds.policy import Policy
from smcrep.worlds.rendering.environments import TEST_ENVIRONMENTS
from smcrep.worlds.simulation import Simulation
from smcrep.worlds.world import branch
from tests.worlds.simulations import PUSHED, SMALL, everything


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(generate(SMALL, tmp_path_factory.mktemp("small") / "store", progress=False))


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(generate(PUSHED, tmp_path_factory.mktemp("pushed") / "store", progress=False))


def test_action_takes_the_pose_before_to_the_pose_after(small: Store) -> None:
    states = np.arange(small.num_states)
    transition, targets = small.transitions(states), small.targets(states)
    predicted = transition.action.motion @ targets.pose_before[:, None]
    torch.testing.assert_close(predicted, targets.pose_after, atol=2e-6, rtol=0)
    assert set(transition.action.kind.unique().tolist()) == {1, 4}


def test_clouds_lie_on_the_surface_that_the_pose_puts_there(small: Store) -> None:
    """trimesh as the oracle: sensed points, taken to the object's frame, lie on its mesh within the sensor's noise."""
    data, objects = everything(small), procedural_set(4, 0)
    for state in range(0, small.num_states, 3):
        object = objects[data["object_id"][state, 0]]
        mesh = trimesh.Trimesh(object.vertices, object.faces, process=False)
        for view in range(small.num_branches + 1):
            T = np.linalg.inv(data["pose"][state, view].astype(np.float64))
            points = data["points"][state, view] @ T[:3, :3].T + T[:3, 3]
            samples = trimesh.sample.sample_surface(mesh, 6000, seed=0)[0]
            gap = np.linalg.norm(points[:, None] - samples, axis=2).min(1)
            assert np.median(gap) < 0.02 * object.diameter


def test_every_observation_is_lit_anew_and_every_state_seen_anew(small: Store) -> None:
    data = everything(small)
    flat = data["rgb"].reshape(-1, 32 * 32 * 3)
    assert len(np.unique(flat, axis=0)) == len(flat)
    camera = np.round(data["pose"][:, 0], 5).reshape(small.num_states, -1)
    assert len(np.unique(camera, axis=0)) == small.num_states


def test_rows_are_numbered(small: Store) -> None:
    data = everything(small)
    assert (data["state_id"] == np.arange(12)[:, None]).all()
    assert (data["object_id"] == np.repeat(np.arange(4), 3)[:, None]).all()
    families = [o.family for o in procedural_set(4, 0)]
    assert list(small.classes) == sorted(set(families))
    assert [small.classes[c] for c in data["class_id"][::3, 0]] == families == [o.family for o in small.objects]
    kinds = data["action"][..., 0]
    assert (kinds[:, 0] == 0).all()
    assert (kinds[:, 1:] == kinds[:, 1:2]).all()


def test_clean_depth_is_free_of_noise_and_changes_nothing_else(small: Store, tmp_path: Path) -> None:
    noisy = replace(SMALL, environments=("night",), objects=ProceduralObjects(1), states_per_object=2)
    with_depth = everything(Store(generate(noisy, tmp_path / "a", progress=False)))
    without = everything(Store(generate(replace(noisy, clean_depth=False), tmp_path / "b", progress=False)))
    assert set(with_depth) - set(without) == {"clean_depth"}
    for name, value in without.items():
        np.testing.assert_array_equal(with_depth[name], value)
    depth = with_depth["clean_depth"]
    assert (depth > 0).any(axis=(2, 3)).all()
    cloud_z = np.unique(with_depth["points"][0, 0, :, 2])
    assert not np.isin(cloud_z, np.unique(depth[0, 0])).all()
    exact = everything(small)
    # in the hand nothing but objects has a depth; the object's centre is within a radius of it
    z = exact["clean_depth"][0, 0][exact["clean_depth"][0, 0] > 0]
    assert np.abs(np.median(z) - exact["pose"][0, 0, 2, 3]) < procedural_set(1, 0)[0].diameter / 2


def test_light_objects_move_farther_than_heavy_ones_under_one_push(pushed: Store) -> None:
    data = everything(pushed)
    assert (data["action"][:, 1:] == data["action"][:, 1:2]).all()
    assert (np.ptp(data["physics"][:, 1:, 0], axis=1) > 0.3).all()
    moved = np.linalg.norm(data["pose"][:, 1:, :3, 3] - data["pose"][:, :1, :3, 3], axis=2)
    light, heavy = data["physics"][:, 1:, 0].argmin(1), data["physics"][:, 1:, 0].argmax(1)
    rows = np.arange(len(moved))
    assert (moved[rows, light] > moved[rows, heavy]).mean() > 0.7


def test_the_physics_of_a_row_is_what_its_outcome_was_simulated_with(pushed: Store) -> None:
    """Simulated again from the state with the stored physics, each outcome lies where its own row says: shifted by one
    branch, or that of the state before, it would not."""
    states = np.arange(pushed.num_states)
    targets, transition = pushed.targets(states), pushed.transitions(states)
    assert transition.physics is not None
    physics = transition.physics.numpy().astype(np.float64)
    np.testing.assert_array_equal(targets.physics, transition.physics)
    for state_id in range(pushed.num_states):
        drawn = (drawn_or_none(state_id, attempt) for attempt in range(20))
        episode = next(
            e for e in drawn if e and np.allclose(camera_poses(e)[0], targets.pose_before[state_id], atol=1e-6)
        )
        own = [Physics(float(np.exp(p[0])), *p[1:3].tolist(), tuple(p[3:].tolist())) for p in physics[state_id]]
        again = branch(episode.observed[0], episode.actions[0], own)
        T_camera_world = episode.observed[0].camera.T_camera_world
        found = np.stack([T_camera_world @ after.poses[0] for after in again])
        moved = np.linalg.norm((found - found[:1])[:, :3, 3], axis=1)
        assert moved.max() > 0.005
        np.testing.assert_allclose(found[:, :3, 3], targets.pose_after[state_id, :, :3, 3], atol=1e-3)


def drawn_or_none(state_id: int, attempt: int) -> Episode | None:
    try:
        return draw(PUSHED, state_id, attempt)
    except UnstableSimulation:
        return None


def camera_poses(episode: Episode) -> np.ndarray:
    return np.stack([s.camera.T_camera_world @ s.poses[0] for s in episode.observed])


def test_branches_over_physics_change_that_of_the_object_alone() -> None:
    """Its clutter keeps its own, and stands as in every other branch until it is touched."""
    cluttered = replace(PUSHED, environments=TEST_ENVIRONMENTS, states_per_object=2)
    seen = 0
    for state_id in range(cluttered.num_states):
        try:
            before, *after = draw(cluttered, state_id).observed
        except UnstableSimulation:
            continue
        assert len({state.physics[0] for state in after}) == len(after)
        assert all(state.physics[1:] == tuple(o.physics for o in before.objects[1:]) for state in (before, *after))
        seen += len(before.objects) > 1
    assert seen > 2


def test_every_seed_of_a_world_is_another_world() -> None:
    """Other poses and pushes of the same objects; and other objects by the seed of their own."""
    one, other = (camera_poses(draw(replace(SMALL, seed=seed), 0)) for seed in (0, 1))
    assert np.abs(one - other).max() > 1e-3
    np.testing.assert_array_equal(one, camera_poses(draw(replace(SMALL, seed=0), 0)))
    sets = [replace(SMALL, objects=ProceduralObjects(4, seed)).object_set for seed in (0, 1)]
    assert all(
        len(a.vertices) != len(b.vertices) or np.abs(a.vertices - b.vertices).max() > 0
        for a, b in zip(*sets, strict=True)
    )


def test_a_needle_is_pushed_and_seen(tmp_path: Path) -> None:
    """40 x .7 mm, read from a file: MuJoCo's own inertia of it would be refused."""
    trimesh.creation.box((0.0007, 0.0007, 0.04)).export(tmp_path / "needle.stl")
    policy = Policy({"push": 1.0}, "table", num_branches=2, push_force_n=(0.5, 1.0), max_angle_deg=5.0)
    simulation = Simulation(MeshObjects(str(tmp_path)), policy=policy, states_per_object=2, environments=("studio",))
    rows, _ = shard_rows(simulation, 0)
    poses = rows["pose"].reshape(2, 3, 4, 4)
    assert np.isfinite(poses).all()
    assert np.linalg.norm((poses[:, 1:] - poses[:, :1])[..., :3, 3], axis=-1).max() > 1e-3


def test_either_branches_over_the_push_or_over_physics_each_in_half_of_the_states() -> None:
    policy = Policy({"push": 1.0}, "table", num_branches=3, branch_over="either", vary_physics=True)
    simulation = Simulation(ProceduralObjects(2, 0), policy=policy, states_per_object=15)
    over_physics = []
    for state_id in range(simulation.num_states):
        try:
            episode = draw(simulation, state_id)
        except UnstableSimulation:
            continue
        num_pushes = len({id(action) for action in episode.actions})
        num_physics = len({state.physics[0] for state in episode.observed[1:]})
        assert (num_pushes, num_physics) in ((1, 3), (3, 1))
        over_physics.append(num_physics == 3)
    assert 0.25 < np.mean(over_physics) < 0.75
    assert len(over_physics) > 20


def test_test_environments_have_clutter_from_the_same_objects(tmp_path: Path) -> None:
    cluttered = replace(SMALL, environments=TEST_ENVIRONMENTS, states_per_object=1)
    store = Store(generate(cluttered, tmp_path / "store", progress=False))
    transition = store.transitions(np.arange(4))
    moved = apply(transition.action.motion, transition.action.contact)
    assert torch.isfinite(moved).all()


@pytest.mark.parametrize(
    ("num", "index", "block"),
    [(7, 5, range(7)), (64, 63, range(64)), (200, 130, range(128, 192)), (200, 199, range(136, 200))],
)
def test_clutter_comes_from_the_block_of_the_object(num: int, index: int, block: range) -> None:
    simulation = Simulation(ProceduralObjects(num), TEST_ENVIRONMENTS, states_per_object=4, image_size=16)
    objects = simulation.object_set
    assert [objects.index(each) for each in objects.block(index)] == list(block)
    drawn = [draw(simulation, 4 * index + i).observed[0].objects for i in range(4)]
    assert all(objects_drawn[0] is objects[index] for objects_drawn in drawn)
    clutter = [objects.index(each) for objects_drawn in drawn for each in objects_drawn[1:]]
    assert clutter
    assert set(clutter) <= set(block)


def test_views_of_a_state_share_no_environment() -> None:
    """A state that kept its environment would let an encoder recognise the state by the background."""
    simulation = replace(SMALL, environments=("studio", "kitchen", "workshop", "garden"))
    ids, _ = shard_rows(simulation, 0)
    per_state = ids["environment_id"].reshape(-1, simulation.policy.num_branches + 1)
    assert len(np.unique(ids["environment_id"])) == 4
    mixed = (per_state != per_state[:, :1]).any(1).mean()
    assert mixed > 0.5


def test_object_that_never_comes_into_sight_is_an_error(tmp_path: Path) -> None:
    away = replace(SMALL, policy=Policy(translation=50.0, num_branches=1), objects=ProceduralObjects(1), image_size=8)
    with pytest.raises(ValueError, match=r"100 draws of state 0 \(.*-0\) were all unstable or out of sight") as caught:
        run_shard(replace(away, states_per_object=1), 0, tmp_path / "shard.arrow")
    assert "\n" not in str(caught.value)


def test_states_out_of_sight_are_drawn_again_and_counted(tmp_path: Path) -> None:
    jumpy = replace(SMALL, policy=Policy(translation=0.9, num_branches=3), objects=ProceduralObjects(2))
    store = Store(generate(jumpy, tmp_path / "store", progress=False))
    assert store.manifest.config["redrawn"]["unseen"] > 0
    assert store.num_states == 6


def test_faulty_sensors_change_their_own_readings_alone() -> None:
    """Half of the readings by a fault, one sense of each observation as it was, to the bit; all else untouched."""
    simulation = replace(SMALL, objects=ProceduralObjects(8), states_per_object=8)
    clean, faulty = shard_rows(simulation, 0)[0], shard_rows(replace(simulation, corrupted=0.5), 0)[0]
    same = {name: (clean[name] == faulty[name]).reshape(len(clean[name]), -1).all(1) for name in simulation.senses}
    assert all(np.array_equal(clean[name], faulty[name]) for name in set(clean) - set(same))
    assert np.stack(list(same.values())).any(0).all()
    for name, kept in same.items():
        assert clean[name].dtype == faulty[name].dtype
        assert 0.55 < kept.mean() < 0.7, name  # .5, and .25 / 2 where both would have been faulty
    again = shard_rows(replace(simulation, corrupted=0.5), 0)[0]
    assert all(np.array_equal(again[name], faulty[name]) for name in faulty)


def test_probability_of_faults_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"corrupted is 1\.5; give a probability from 0 to 1"):
        replace(SMALL, corrupted=1.5)
