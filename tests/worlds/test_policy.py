"""Distributions of states and actions: poses before and after alike, pushes on the surface, looks at the object."""

import numpy as np
import pytest
import trimesh
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation
from scipy.stats import kstest

from smcrep.worlds.dynamics.actions import LiftAndDrop, Look, Push, Turn, motion_world
from smcrep.worlds.objects.families import procedural
from smcrep.worlds.policy import (
    Policy,
    sample_actions,
    sample_branch_physics,
    sample_physics,
    sample_rotation,
    sample_state,
)
from smcrep.worlds.rendering.environments import ENVIRONMENTS, TRAIN_ENVIRONMENTS
from smcrep.worlds.world import branch
from tests.worlds.scenes import box

STUDIO = ENVIRONMENTS["studio"]
MUG = procedural("mug", 3)


def drawn(policy: Policy, count: int, seed: int = 0, k: int = 1, object=MUG):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        state = sample_state(policy, object, STUDIO, rng)
        yield state, sample_actions(policy, state, k, rng, environment=STUDIO)


def euler(rotations: np.ndarray) -> np.ndarray:
    return Rotation.from_matrix(rotations).as_euler("xyz", degrees=True)


def test_orientations_are_iid_uniform_euler_angles() -> None:
    rng = np.random.default_rng(0)
    angles = euler(np.stack([sample_rotation(Policy(max_angle_deg=40.0), rng) for _ in range(2000)]))
    for axis in range(3):
        assert kstest(angles[:, axis], "uniform", (-40, 80)).pvalue > 0.01
    assert np.abs(np.corrcoef(angles.T) - np.eye(3)).max() < 0.08


def test_so3_orientations_are_uniform() -> None:
    rng = np.random.default_rng(1)
    R = np.stack([sample_rotation(Policy(max_angle_deg="so3"), rng) for _ in range(3000)])
    np.testing.assert_allclose(R @ R.swapaxes(1, 2), np.broadcast_to(np.eye(3), R.shape), atol=1e-12)
    turned = np.linalg.norm(Rotation.from_matrix(R).as_rotvec(), axis=1)
    # the density of the angle under Haar measure is (1 - cos t) / pi
    assert kstest(turned, lambda t: (t - np.sin(t)) / np.pi).pvalue > 0.01


def test_poses_before_and_after_a_turn_have_one_distribution() -> None:
    """Every marginal of position and orientation, each against the distribution of the policy."""
    policy = Policy(max_angle_deg=50.0, translation=0.1)
    before, after = [], []
    for state, (action,) in drawn(policy, 1500):
        before.append(state.poses[0])
        after.append(motion_world(action) @ state.poses[0])
    for poses in (np.stack(before), np.stack(after)):
        values = np.hstack([euler(poses[:, :3, :3]) / 50, poses[:, :3, 3] / (0.1 * MUG.diameter)])
        for column in values.T:
            assert kstest(column, "uniform", (-1, 2)).pvalue > 0.005
    before, after = np.stack(before), np.stack(after)
    assert np.abs(np.corrcoef(before[:, :3].reshape(-1, 12).T, after[:, :3].reshape(-1, 12).T)[:12, 12:]).max() < 0.12


def test_outcomes_of_one_state_differ() -> None:
    for state, actions in drawn(Policy(), 3, k=8):
        outcomes = np.stack([o.poses[0] for o in branch(state, actions)])
        gap = np.linalg.norm(outcomes[:, None] - outcomes, axis=(2, 3)) + np.eye(8)
        assert gap.min() > 0.05


def test_grasp_reveals_position_but_not_orientation() -> None:
    offset, turned = [], []
    for state, (action,) in drawn(Policy(), 1500):
        assert isinstance(action, Turn)
        offset.append((action.grasp - state.poses[0, :3, 3]) / MUG.diameter)
        turned.append(euler(state.poses[0, :3, :3]))
    assert np.std(offset, axis=0) == pytest.approx(0.05, rel=0.1)
    assert np.abs(np.corrcoef(np.array(offset).T, np.array(turned).T)[:3, 3:]).max() < 0.1


def test_push_starts_on_the_hull_and_points_inward() -> None:
    policy = Policy({"push": 1.0}, "table")
    for state, (action,) in drawn(policy, 12):
        assert isinstance(action, Push)
        hull = MUG.hull @ state.poses[0, :3, :3].T + state.poses[0, :3, 3]
        planes = ConvexHull(hull).equations
        height = planes[:, :3] @ action.contact + planes[:, 3]
        assert height.max() == pytest.approx(0, abs=1e-9)
        assert (planes[:, :3] @ (action.contact + 1e-3 * action.direction) + planes[:, 3]).max() < 0
        assert action.direction[2] == 0
        middle = (hull.min(0) + hull.max(0)) / 2
        centroid = trimesh.convex.convex_hull(hull).center_mass
        inward = (centroid - action.contact)[:2] / np.linalg.norm((centroid - action.contact)[:2])
        assert np.degrees(np.arccos(inward @ action.direction[:2])) <= 20.001
        assert abs(action.contact[2] - middle[2]) <= 0.1 * np.ptp(hull[:, 2]) + 1e-9
        assert 2 <= action.force_n <= 10
        assert 0.02 <= action.duration_s <= 0.04


def test_objects_rest_on_the_table() -> None:
    for state, _ in drawn(Policy({"push": 1.0}, "table"), 4, seed=5):
        assert (MUG.hull @ state.poses[0, :3, :3].T + state.poses[0, :3, 3])[:, 2].min() == pytest.approx(0, abs=2e-3)


def test_lift_ends_in_an_orientation_of_the_policy() -> None:
    policy = Policy({"lift_and_drop": 1.0}, "table", max_angle_deg=30.0)
    for state, (action,) in drawn(policy, 4):
        assert isinstance(action, LiftAndDrop)
        assert np.abs(euler(action.rotation @ state.poses[0, :3, :3])).max() <= 30.001
        np.testing.assert_array_equal(action.centre, state.poses[0, :3, 3])


def test_look_centres_the_fixation_and_keeps_the_distribution_of_sizes() -> None:
    sizes = []
    for state, (action,) in drawn(Policy({"look": 1.0}), 200):
        assert isinstance(action, Look)
        (outcome,) = branch(state, [action])
        np.testing.assert_array_equal(outcome.poses, state.poses)
        for camera in (state.camera, outcome.camera):
            T = camera.T_camera_world
            pixel = camera.project(T[:3, :3] @ action.fixation + T[:3, 3])
            np.testing.assert_allclose(pixel, [32, 32], atol=1e-6)
        sizes.append(
            [
                c.focal_px / np.linalg.norm(c.T_world_camera[:3, 3] - action.fixation)
                for c in (state.camera, outcome.camera)
            ]
        )
    before, after = np.array(sizes).T
    assert kstest(before, after).pvalue > 0.01


def test_physics_follows_its_distribution_independently_of_appearance() -> None:
    rng = np.random.default_rng(0)
    drawn_physics = np.stack([sample_physics(Policy(), rng).vector() for _ in range(2000)])
    for column, low, high in ((0, np.log(0.05), 0.0), (1, 0.2, 1.0), (2, 0.0, 0.5), (3, -0.2, 0.2)):
        assert kstest(drawn_physics[:, column], "uniform", (low, high - low)).pvalue > 0.01
    policy = Policy(vary_physics=True)
    diameters, masses = [], []
    for i in range(150):
        object = box(*np.random.default_rng(i).uniform(0.02, 0.1, 3))
        state = sample_state(policy, object, STUDIO, rng)
        diameters.append(object.diameter)
        masses.append(state.physics[0].mass_kg)
    assert abs(np.corrcoef(diameters, masses)[0, 1]) < 0.2
    assert sample_state(Policy(), MUG, STUDIO, rng).physics == (MUG.physics,)


def test_each_state_has_one_kind_of_action_drawn_by_weight() -> None:
    kinds = [{type(a) for a in actions} for _, actions in drawn(Policy({"turn": 3.0, "look": 1.0}), 400, k=3)]
    assert all(len(found) == 1 for found in kinds)
    assert sum(found == {Look} for found in kinds) == pytest.approx(100, abs=30)


def test_clutter_does_not_overlap_the_object() -> None:
    rng, others = np.random.default_rng(0), [procedural("can", 0), procedural("brick", 1)]
    counts = []
    for _ in range(30):
        state = sample_state(Policy(), MUG, ENVIRONMENTS["glare"], rng, others=others)
        counts.append(len(state.objects) - 1)
        for other, pose in zip(state.objects[1:], state.poses[1:], strict=True):
            assert other in others
            gap = np.linalg.norm(pose[:3, 3] - state.poses[0, :3, 3])
            assert gap > (MUG.diameter + other.diameter) / 2
    assert set(counts) == {2, 3}


def test_the_same_generator_gives_the_same_draws() -> None:
    policy = Policy({"turn": 1.0, "look": 1.0})
    first, second = list(drawn(policy, 3, k=2)), list(drawn(policy, 3, k=2))
    for (state, actions), (again, repeated) in zip(first, second, strict=True):
        np.testing.assert_array_equal(state.poses, again.poses)
        np.testing.assert_array_equal(state.camera.T_world_camera, again.camera.T_world_camera)
        for a, b in zip(actions, repeated, strict=True):
            np.testing.assert_array_equal(motion_world(a), motion_world(b))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kinds": {"shove": 1.0}}, "shove.*choose from hold, turn"),
        ({"kinds": {}}, "no entry"),
        ({"kinds": {"turn": -1.0}}, "weights"),
        ({"kinds": {"push": 1.0}}, "need gravity; set support='table'"),
        ({"support": "shelf"}, "'hand' or 'table'"),
        ({"support": "table"}, "use lift_and_drop on a table"),
        ({"branch_over": "physics"}, "depend on physics"),
        ({"num_branches": 0}, "at least 1"),
        ({"max_angle_deg": "wide"}, "or 'so3'"),
    ],
)
def test_invalid_policies_are_refused_in_one_line(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Policy(**wrong)
    assert "\n" not in str(caught.value)


def test_states_can_be_drawn_in_every_training_environment() -> None:
    rng = np.random.default_rng(0)
    for name in TRAIN_ENVIRONMENTS:
        assert sample_state(Policy(), MUG, ENVIRONMENTS[name], rng, image_size=32).camera.width == 32


def test_physics_is_drawn_within_the_given_ranges() -> None:
    policy = Policy(mass_kg=(0.3, 3.0), friction=(0.1, 0.2), restitution=(0.1, 0.1), com_offset=(0.0, 0.0))
    rng = np.random.default_rng(0)
    found = np.stack([sample_physics(policy, rng).vector() for _ in range(1000)])
    for column, low, high in ((0, np.log(0.3), np.log(3.0)), (1, 0.1, 0.2)):
        assert kstest(found[:, column], "uniform", (low, high - low)).pvalue > 0.01
    np.testing.assert_allclose(found[:, 2:], [[0.1, 0, 0, 0]] * 1000, atol=1e-7)


def test_latin_samples_are_stratified_with_uniform_marginals() -> None:
    policy, rng = Policy(mass_kg=(0.1, 1.0), friction=(0.2, 1.0)), np.random.default_rng(0)
    sets = np.stack([[p.vector()[:2] for p in sample_branch_physics(policy, 8, rng)] for _ in range(400)])
    unit = (sets - [np.log(0.1), 0.2]) / [np.log(10), 0.8]
    np.testing.assert_array_equal(
        np.sort(np.floor(unit * 8), axis=1), np.broadcast_to(np.arange(8)[:, None], (400, 8, 2))
    )
    for place in (0, 7):  # any place draws from the whole range: the order reveals nothing
        for column in (0, 1):
            assert kstest(unit[:, place, column], "uniform").pvalue > 0.01
    assert abs(np.corrcoef(unit[..., 0].ravel(), unit[..., 1].ravel())[0, 1]) < 0.08


def test_slide_samples_are_stratified_in_sliding_distance() -> None:
    policy = Policy(mass_kg=(0.1, 0.7), friction=(0.06, 0.2), physics_samples="slide")
    rng = np.random.default_rng(0)
    sets = np.stack([[p.vector()[:2] for p in sample_branch_physics(policy, 8, rng)] for _ in range(400)])
    log_mass, log_friction = sets[..., 0], np.log(sets[..., 1])
    assert np.all((log_mass > np.log(0.1) - 1e-6) & (log_mass < np.log(0.7) + 1e-6))
    assert np.all((log_friction > np.log(0.06) - 1e-6) & (log_friction < np.log(0.2) + 1e-6))
    least, most = 2 * np.log(0.1) + np.log(0.06), 2 * np.log(0.7) + np.log(0.2)
    share = (2 * log_mass + log_friction - least) / (most - least)  # of the range of log m^2 mu
    np.testing.assert_array_equal(np.sort(np.floor(share * 8), axis=1), np.broadcast_to(np.arange(8), (400, 8)))
    for place in (0, 7):
        assert kstest(share[:, place], "uniform").pvalue > 0.01
    middle = (share > 0.4) & (share < 0.6)  # what slides equally far may be light and rough, or heavy and slippery
    assert np.corrcoef(log_mass[middle], log_friction[middle])[0, 1] < -0.6


def test_perpendicular_push_goes_through_the_centroid_on_any_side() -> None:
    brick = box(0.04, 0.08, 0.06)
    policy = Policy({"push": 1.0}, "table", max_angle_deg=0.0, push_angle_deg=0.0, push_square_deg=8.0)
    sides = set()
    for state, (action,) in drawn(policy, 40, object=brick):
        assert isinstance(action, Push)
        turn, centre = state.poses[0, :3, :3], state.poses[0, :3, 3]
        towards = (centre - action.contact)[:2]
        np.testing.assert_allclose(action.direction[:2], towards / np.linalg.norm(towards), atol=1e-6)
        along = np.abs(turn.T @ action.direction)
        # Within 32 azimuths the best lies up to 5.6 degrees off the normal, and others up to 8 more.
        assert along.max() > np.cos(np.radians(5.7 + 8))
        sides.add((int(along.argmax()), float(np.sign((turn.T @ action.direction)[along.argmax()]))))
    assert len(sides) == 4


def test_push_meets_the_object_at_the_given_height() -> None:
    policy = Policy({"push": 1.0}, "table", push_height=(-0.4, -0.3))
    for state, (action,) in drawn(policy, 6):
        assert isinstance(action, Push)
        height = (MUG.hull @ state.poses[0, :3, :3].T + state.poses[0, :3, 3])[:, 2]
        above = (action.contact[2] - (height.min() + height.max()) / 2) / np.ptp(height)
        assert -0.4 - 1e-6 <= above <= -0.3 + 1e-6


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mass_kg": (0.0, 1.0)}, r"mass_kg is \(0.0, 1.0\); give a range from low to high, between 0 and inf"),
        ({"friction": (0.5, 0.2)}, r"friction is \(0.5, 0.2\)"),
        ({"restitution": (0.0, 1.0)}, r"restitution is \(0.0, 1.0\)"),
        ({"com_offset": (-1.0, 0.0)}, r"com_offset is \(-1.0, 0.0\)"),
        ({"push_square_deg": 120.0}, "push_square_deg is 120.0; give 0 to 90 degrees"),
        ({"physics_samples": "even"}, "physics_samples is 'even'; choose 'latin' or 'slide'"),
        ({"push_height": (-0.6, 0.0)}, r"push_height is \(-0.6, 0.0\); give a range from low to high within"),
        ({"branch_over": "either"}, "branch_over='either' needs outcomes that depend on physics"),
        ({"branch_over": "both"}, "choose 'action', 'physics' or 'either'"),
    ],
)
def test_invalid_ranges_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Policy(**wrong)
