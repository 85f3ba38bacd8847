"""Stores of the world: geometry that agrees with itself, the same bytes however made, what is refused, what resumes."""

import hashlib
import importlib.util
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from smcrep.data.store import Store, shard_path
from smcrep.engines import local, on_ray
from smcrep.geometry.action import apply
from smcrep.worlds.dynamics.mechanics import UnstableSimulation
from smcrep.worlds.episodes import draw, shard_rows
from smcrep.worlds.generate import Policy, Simulation, generate, run_shard
from smcrep.worlds.objects.families import procedural_set
from smcrep.worlds.objects.meshes import load_folder
from smcrep.worlds.objects.source import MeshObjects, ObjectSet, ProceduralObjects
from smcrep.worlds.rendering.environments import TEST_ENVIRONMENTS

SMALL = Simulation(
    ProceduralObjects(4), states_per_object=3, image_size=32, num_points=64, depth=True,
    policy=Policy({"turn": 1.0, "look": 1.0}, num_branches=3), environments=("studio",),
)  # fmt: skip
PUSHED = replace(
    SMALL,
    objects=ProceduralObjects(6, families=("box", "brick")),
    policy=Policy({"push": 1.0}, "table", num_branches=6, branch_over="physics", vary_physics=True),
    states_per_object=1,
)
TWO_SHARDS = replace(
    SMALL, objects=ProceduralObjects(12), states_per_object=6, image_size=24, num_points=16, depth=False,
    environments=("kitchen", "night"),
)  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(generate(SMALL, tmp_path_factory.mktemp("small") / "store", progress=False))


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(generate(PUSHED, tmp_path_factory.mktemp("pushed") / "store", progress=False))


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def everything(store: Store) -> dict[str, np.ndarray]:
    data = store.read(np.arange(store.num_rows), list(store.schema.columns))
    return {n: t.numpy().reshape(-1, store.num_branches + 1, *t.shape[1:]) for n, t in data.items()}


def test_the_action_takes_the_pose_before_to_the_pose_after(small: Store) -> None:
    states = np.arange(small.num_states)
    transition, targets = small.transitions(states), small.targets(states)
    predicted = transition.action.motion @ targets.pose_before[:, None]
    torch.testing.assert_close(predicted, targets.pose_after, atol=2e-6, rtol=0)
    assert set(transition.action.kind.unique().tolist()) == {1, 4}


def test_clouds_lie_on_the_surface_that_the_pose_puts_there(small: Store) -> None:
    """trimesh as the judge: sensed points, taken to the object's frame, lie on its mesh within the sensor's noise."""
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


def test_depth_is_free_of_noise_and_changes_nothing_else(small: Store, tmp_path: Path) -> None:
    noisy = replace(SMALL, environments=("night",), objects=ProceduralObjects(1), states_per_object=2)
    with_depth = everything(Store(generate(noisy, tmp_path / "a", progress=False)))
    without = everything(Store(generate(replace(noisy, depth=False), tmp_path / "b", progress=False)))
    assert set(with_depth) - set(without) == {"depth"}
    for name, value in without.items():
        np.testing.assert_array_equal(with_depth[name], value)
    depth = with_depth["depth"]
    assert (depth > 0).any(axis=(2, 3)).all()
    cloud_z = np.unique(with_depth["points"][0, 0, :, 2])
    assert not np.isin(cloud_z, np.unique(depth[0, 0])).all()
    exact = everything(small)
    # in the hand nothing but objects has a depth; the object's centre is within a radius of it
    z = exact["depth"][0, 0][exact["depth"][0, 0] > 0]
    assert np.abs(np.median(z) - exact["pose"][0, 0, 2, 3]) < procedural_set(1, 0)[0].diameter / 2


def test_statistics_are_those_of_the_rows(small: Store) -> None:
    states = np.arange(small.num_states)
    transition = small.transitions(states)
    found = small.manifest.config["statistics"]
    action = transition.action.vector().flatten(0, 1).double()
    np.testing.assert_allclose(found["action_mean"], action.mean(0), atol=1e-9)
    np.testing.assert_allclose(found["action_std"], action.std(0, correction=0), atol=1e-6)
    points = everything(small)["points"].reshape(-1, 64, 3).astype(np.float64)
    centred = points - points.mean(1, keepdims=True)
    assert found["points_scale_m"] == pytest.approx(np.sqrt((centred**2).sum(2).mean()))
    assert found["points_max_m"] == pytest.approx(np.abs(centred).max())
    rgb = everything(small)["rgb"].reshape(-1, 3) / 255
    np.testing.assert_allclose(found["rgb_std"], rgb.std(0), rtol=1e-9)
    assert found["physics_std"] == [0.0] * 6  # one default for all


def test_one_push_under_many_physics(pushed: Store) -> None:
    data = everything(pushed)
    assert (data["action"][:, 1:] == data["action"][:, 1:2]).all()
    assert (np.ptp(data["physics"][:, 1:, 0], axis=1) > 0.3).all()
    moved = np.linalg.norm(data["pose"][:, 1:, :3, 3] - data["pose"][:, :1, :3, 3], axis=2)
    light, heavy = data["physics"][:, 1:, 0].argmin(1), data["physics"][:, 1:, 0].argmax(1)
    rows = np.arange(len(moved))
    assert (moved[rows, light] > moved[rows, heavy]).mean() > 0.7


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


def test_a_state_does_not_depend_on_its_shard_or_on_other_objects(small: Store) -> None:
    more = replace(SMALL, objects=ProceduralObjects(30))
    a, b = (s.object_set for s in (SMALL, more))
    assert a.names == b.names[:4]
    assert SMALL.rng(5, 0).random() == more.rng(5, 0).random() != SMALL.rng(5, 1).random()
    assert SMALL.rng(5, 0).random() != replace(SMALL, split="val").rng(5, 0).random()


def test_only_what_is_missing_is_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = generate(TWO_SHARDS, tmp_path / "store", progress=False)
    before, kept = digests(out), shard_path(out, 1).stat().st_mtime_ns
    shard_path(out, 0).write_bytes(shard_path(out, 0).read_bytes()[:1000])  # cut short
    generate(TWO_SHARDS, out)
    assert digests(out) == before
    assert shard_path(out, 1).stat().st_mtime_ns == kept
    shown = capsys.readouterr().err
    assert "8 of 72 states are there already" in shown
    assert "72/72 states" in shown
    assert "ETA 0:00" in shown


def test_another_configuration_is_refused(small: Store, tmp_path: Path) -> None:
    other = replace(SMALL, policy=replace(SMALL.policy, max_angle_deg=30.0))
    with pytest.raises(ValueError, match=r"policy.max_angle_deg 60.0 there, 30.0 asked\); choose another folder"):
        generate(other, small.path)
    (tmp_path / "shards").mkdir()
    with pytest.raises(ValueError, match=r"shards but no manifest.json"):
        generate(SMALL, tmp_path)


def test_the_record_reads_back() -> None:
    for simulation in (SMALL, PUSHED, replace(SMALL, objects=MeshObjects("/meshes", "mm", "y", ("a",), ("b",)))):
        assert Simulation.from_json(json.loads(json.dumps(simulation.to_json()))) == simulation
    with pytest.raises(ValueError, match="not the record of one"):
        Simulation.from_json(SMALL.to_json() | {"weather": "rain"})


def test_what_never_comes_into_sight_is_an_error(tmp_path: Path) -> None:
    away = replace(SMALL, policy=Policy(translation=50.0, num_branches=1), objects=ProceduralObjects(1), image_size=8)
    with pytest.raises(ValueError, match=r"100 draws of state 0 \(.*-0\) were all unstable or out of sight") as caught:
        run_shard(replace(away, states_per_object=1), 0, tmp_path / "shard.arrow")
    assert "\n" not in str(caught.value)


def test_states_out_of_sight_are_drawn_again_and_counted(tmp_path: Path) -> None:
    jumpy = replace(SMALL, policy=Policy(translation=0.9, num_branches=3), objects=ProceduralObjects(2))
    store = Store(generate(jumpy, tmp_path / "store", progress=False))
    assert store.manifest.config["redrawn"]["unseen"] > 0
    assert store.num_states == 6


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"environments": ("moon",)}, r"no environments \['moon'\]; choose from studio"),
        ({"environments": ()}, "environments is empty"),
        ({"image_size": 0}, "image_size is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_wrong_simulations_are_refused(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **wrong)
    with pytest.raises(ValueError, match="there is no shard 1"):
        SMALL.state_ids(1)


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


def test_procedural_sources_are_procedural_sets() -> None:
    source = ObjectSet(ProceduralObjects(7, 3, ("can", "mug")))
    expected = procedural_set(7, 3, ("can", "mug"))
    assert source.names == [o.name for o in expected]
    for mine, theirs in zip(source, expected, strict=True):
        np.testing.assert_array_equal(mine.vertices, theirs.vertices)
    assert source.classes == ["can", "mug"]
    assert source[0] is source[0]
    with pytest.raises(ValueError, match=r"no families \['sofa'\]"):
        ProceduralObjects(2, families=("sofa",))


@pytest.fixture
def meshes(tmp_path: Path) -> Path:
    for name, size in (("b_can", 40.0), ("a_box", 80.0)):
        (tmp_path / "meshes" / name).mkdir(parents=True)
        trimesh.creation.box((size, size, 2 * size)).export(tmp_path / "meshes" / name / "model.ply")
    return tmp_path / "meshes"


def test_folders_of_meshes(meshes: Path, tmp_path: Path) -> None:
    source = MeshObjects(str(meshes), unit="mm")
    assert ObjectSet(source).names == [o.name for o in load_folder(meshes, unit="mm")[0]] == ["a_box", "b_can"]
    simulation = replace(SMALL, objects=replace(source, names=("b_can",), families=("can",)))
    store = Store(generate(simulation, tmp_path / "store", progress=False))
    assert [(o.name, o.family) for o in store.objects] == [("b_can", "can")]
    assert store.manifest.config["statistics"]["points_max_m"] < 0.05
    with pytest.raises(ValueError, match="no meshes named cup; it has 2, such as a_box"):
        ObjectSet(replace(source, names=("cup",)))
    with pytest.raises(ValueError, match="no such folder"):
        ObjectSet(MeshObjects(str(meshes / "none")))
    with pytest.raises(ValueError, match="one family for each name"):
        replace(source, families=("x",))


def test_ctrl_c_leaves_whole_shards_of_the_bytes_that_one_process_writes(tmp_path: Path) -> None:
    simulation = replace(TWO_SHARDS, objects=ProceduralObjects(40), states_per_object=32)
    script = tmp_path / "script.py"
    script.write_text(
        "import json, sys\n"
        "from smcrep.worlds.generate import Simulation, generate\n"
        "if __name__ == '__main__':\n"
        f"    record = json.loads({json.dumps(simulation.to_json())!r})\n"
        "    generate(Simulation.from_json(record), sys.argv[1], processes=2)\n"
    )
    out, root = tmp_path / "store", Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, script, out], env={"PYTHONPATH": str(root)}, stderr=subprocess.PIPE
    ) as child:
        while not list(out.glob("shards/shard-?????.json")):
            assert child.poll() is None
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        assert child.wait(60) != 0
    done = sorted(out.glob("shards/shard-?????.json"))
    assert 1 <= len(done) < simulation.num_shards
    assert sorted(p.stem for p in out.glob("shards/*.arrow")) == [p.stem for p in done]
    assert not list(out.glob("shards/.*"))
    for note in done:
        run_shard(simulation, int(note.stem[-5:]), tmp_path / "alone.arrow")
        assert (tmp_path / "alone.arrow").read_bytes() == note.with_suffix(".arrow").read_bytes()


def test_views_of_a_state_share_no_environment() -> None:
    """A state that kept its environment would let an encoder recognise the state by the background."""
    simulation = replace(SMALL, environments=("studio", "kitchen", "workshop", "garden"))
    ids, _ = shard_rows(simulation, 0)
    per_state = ids["environment_id"].reshape(-1, simulation.policy.num_branches + 1)
    assert len(np.unique(ids["environment_id"])) == 4
    mixed = (per_state != per_state[:, :1]).any(1).mean()
    assert mixed > 0.5


def test_every_engine_writes_the_same_store(tmp_path: Path) -> None:
    simulation = Simulation(
        ProceduralObjects(33), policy=Policy(num_branches=1), states_per_object=4, image_size=8, num_points=4
    )
    assert simulation.num_shards == 3
    engines = {"one": (local, 1), "two": (local, 2)}
    if importlib.util.find_spec("ray"):
        engines["ray"] = (on_ray, 2)
    stores = {
        name: generate(simulation, tmp_path / name, processes=processes, progress=False, engine=engine)
        for name, (engine, processes) in engines.items()
    }
    first, *others = ({p.name: p.read_bytes() for p in sorted(s.rglob("*")) if p.is_file()} for s in stores.values())
    assert len(first) == 3 * 3 + 1
    assert all(other == first for other in others)
