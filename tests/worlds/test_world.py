"""Counterfactual outcomes of a state: their frames, rest on the table, support by the hand, exact repetition."""

from dataclasses import replace

import numpy as np
import pytest

from smcrep.geometry.physics import Physics
from smcrep.worlds.dynamics.actions import Hold, LiftAndDrop, Look, Push, Turn, WorldAction, to_camera
from smcrep.worlds.dynamics.mechanics import UnstableSimulation
from smcrep.worlds.rendering.camera import Camera, look_at
from smcrep.worlds.world import State, branch, settle
from tests.worlds.scenes import box, pose, random_rotation

BRICK, CUBE = box(0.04, 0.05, 0.03), box(0.03, 0.03, 0.03)
AHEAD = np.array([1.0, 0.0, 0.0])
CAMERA = Camera(look_at((0.4, 0.1, 0.3), (0.0, 0.0, 0.0)), 40.0, 32, 32)


def random_pose(rng: np.random.Generator) -> np.ndarray:
    return pose(*rng.normal(size=3), rotation=random_rotation(rng))


def in_hand(rng: np.random.Generator) -> State:
    camera = replace(CAMERA, T_world_camera=random_pose(rng))
    return State((BRICK, CUBE), np.stack([random_pose(rng) for _ in range(2)]), (Physics(), Physics()), camera, "hand")


@pytest.fixture(scope="module")
def on_table() -> State:
    start = State((BRICK, CUBE), np.stack([pose(z=0.031), pose(x=0.3, z=0.031)]), (Physics(),) * 2, CAMERA, "table")
    return settle(start)


@pytest.mark.parametrize("seed", range(20))
def test_motion_maps_the_camera_pose_before_to_the_one_after(seed: int) -> None:
    """T_camera_object after = motion @ T_camera_object before, for a turn, a look and a hold."""
    rng = np.random.default_rng(seed)
    state = in_hand(rng)
    actions: list[WorldAction] = [
        Turn(random_rotation(rng), rng.normal(size=3), rng.normal(size=3)),
        Look(random_pose(rng), rng.normal(size=3)),
        Hold(),
    ]
    before = state.camera.T_camera_world @ state.poses[0]
    motions = to_camera(actions, state.camera).motion.numpy()
    for motion, outcome in zip(motions, branch(state, actions), strict=True):
        after = outcome.camera.T_camera_world @ outcome.poses[0]
        np.testing.assert_allclose(after, motion @ before, atol=1e-5)
    assert np.abs(motions[0] @ before - before @ motions[0]).max() > 0.1, "poses commute: the order is not tested"


def test_inverse_then_gives_the_motion_between_any_two_outcomes() -> None:
    """inverse().then(): from outcome i to outcome j, each seen by its own camera."""
    rng = np.random.default_rng(3)
    state = in_hand(rng)
    for actions in (
        [Turn(random_rotation(rng), rng.normal(size=3), rng.normal(size=3)) for _ in range(3)],
        [Look(random_pose(rng), rng.normal(size=3)) for _ in range(3)],
    ):
        batch = to_camera(actions, state.camera)
        seen = [o.camera.T_camera_world @ o.poses[0] for o in branch(state, actions)]
        for i in range(3):
            for j in range(3):
                motion = batch[i].inverse().then(batch[j]).motion.numpy()
                np.testing.assert_allclose(motion @ seen[i], seen[j], atol=1e-4)


def test_turn_in_the_hand_applies_its_motion_and_moves_nothing_else() -> None:
    rng = np.random.default_rng(1)
    state = in_hand(rng)
    turn = Turn(random_rotation(rng), rng.normal(size=3), rng.normal(size=3))
    (outcome,) = branch(state, turn)
    x = rng.normal(size=3)
    want = turn.rotation @ (state.poses[0, :3, :3] @ x + state.poses[0, :3, 3] - turn.grasp) + turn.grasp
    got = outcome.poses[0, :3, :3] @ x + outcome.poses[0, :3, 3]
    np.testing.assert_allclose(got, want + turn.translation, atol=1e-12)
    np.testing.assert_array_equal(outcome.poses[1], state.poses[1])
    assert outcome.camera is state.camera
    assert settle(state) is state


def test_hold_at_rest_changes_nothing(on_table: State) -> None:
    for outcome in branch(on_table, [Hold(), Hold(0.5)]):
        np.testing.assert_allclose(outcome.poses, on_table.poses, atol=1e-6)
    np.testing.assert_allclose(settle(on_table).poses, on_table.poses, atol=1e-6)


def test_settle_comes_to_rest_on_a_face() -> None:
    rng = np.random.default_rng(2)
    for _ in range(5):
        T = pose(z=0.1, rotation=random_rotation(rng))
        rest = settle(State((BRICK,), T[None], (Physics(restitution=0.4),), CAMERA, "table"))
        face = int(np.abs(rest.poses[0, 2, :3]).argmax())
        assert abs(rest.poses[0, 2, face]) > 1 - 1e-5
        assert rest.poses[0, 2, 3] == pytest.approx(BRICK.half_extents[face], abs=5e-4)


def test_look_moves_the_camera_alone(on_table: State) -> None:
    after = look_at((0.0, 0.5, 0.2), (0.0, 0.0, 0.0))
    (outcome,) = branch(on_table, [Look(after, np.zeros(3))])
    np.testing.assert_array_equal(outcome.camera.T_world_camera, after)
    np.testing.assert_array_equal(outcome.poses, on_table.poses)
    assert outcome.camera.fov_deg == on_table.camera.fov_deg


def test_turn_on_the_table_puts_down_and_settles(on_table: State) -> None:
    quarter = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # about x: y goes to z
    lift = Turn(quarter, np.array([0.05, 0.02, 0.4]), on_table.poses[0, :3, 3])
    (outcome,) = branch(on_table, lift)
    np.testing.assert_allclose(outcome.poses[0, :3, :3], quarter, atol=1e-3)
    np.testing.assert_allclose(outcome.poses[0, :3, 3], [0.05, 0.02, 0.05], atol=1e-3)
    np.testing.assert_allclose(outcome.poses[1], on_table.poses[1], atol=1e-6)


def test_lift_and_drop_ends_on_another_face(on_table: State) -> None:
    quarter = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    dead = replace(on_table, physics=(Physics(restitution=0.0), Physics()))
    flat, tumbled = branch(
        dead,
        [
            LiftAndDrop(0.1, quarter, dead.poses[0, :3, 3]),
            LiftAndDrop(0.1, random_rotation(np.random.default_rng(0)), dead.poses[0, :3, 3]),
        ],
    )
    np.testing.assert_allclose(flat.poses[0, :3, :3], quarter, atol=1e-2)
    assert flat.poses[0, 2, 3] == pytest.approx(0.05, abs=1e-3)
    np.testing.assert_allclose(flat.poses[0, :2, 3], dead.poses[0, :2, 3], atol=2e-3)
    assert np.linalg.norm(tumbled.poses[0, :3, :3] - flat.poses[0, :3, :3]) > 0.1


def test_outcome_of_a_push_depends_on_mass_and_friction(on_table: State) -> None:
    push = Push(np.array([-0.04, 0.0, 0.03]), AHEAD, 5.0, 0.05)
    physics = [Physics(0.2, 0.6), Physics(0.8, 0.6), Physics(0.2, 0.9), Physics(0.2, 0.6)]
    outcomes = branch(on_table, push, physics)
    way = [o.poses[0, 0, 3] for o in outcomes]
    assert way[0] > way[1] + 0.01
    assert way[0] > way[2] + 0.005
    assert way[0] == way[3]
    assert [o.physics[0] for o in outcomes] == physics
    assert all(o.objects is on_table.objects for o in outcomes)


def test_a_pushed_object_pushes_clutter() -> None:
    start = State((BRICK, CUBE), np.stack([pose(z=0.031), pose(x=0.08, z=0.031)]), (Physics(),) * 2, CAMERA, "table")
    before = settle(start)
    (after,) = branch(before, Push(np.array([-0.04, 0.0, 0.03]), AHEAD, 5.0, 0.1))
    assert after.poses[1, 0, 3] > before.poses[1, 0, 3] + 0.01


def test_branches_are_deterministic_and_independent_of_each_other(on_table: State) -> None:
    rng = np.random.default_rng(5)
    centre = on_table.poses[0, :3, 3]
    actions: list[WorldAction] = [
        Push(centre, AHEAD, 3.0, 0.05),
        LiftAndDrop(0.1, random_rotation(rng), centre),
        Hold(0.2),
        Look(look_at((0.0, 0.5, 0.2), (0.0, 0.0, 0.0)), np.zeros(3)),
        Turn(random_rotation(rng), np.zeros(3), centre),
    ]
    first, again = branch(on_table, actions), branch(on_table, actions[::-1])[::-1]
    for i, action in enumerate(actions):
        assert first[i].poses.tobytes() == again[i].poses.tobytes() == branch(on_table, action)[0].poses.tobytes()


def test_branch_leaves_the_state_unchanged(on_table: State) -> None:
    poses = on_table.poses.copy()
    branch(on_table, [Hold(), LiftAndDrop(0.1, np.eye(3), on_table.poses[0, :3, 3])])
    np.testing.assert_array_equal(on_table.poses, poses)


def test_unstable_branches_are_reported_by_index(on_table: State) -> None:
    """A turn into the clutter; the look before it is not simulated, so that indices shift."""
    inside = Turn(np.eye(3), np.array([0.3, 0.0, 0.0]), np.zeros(3))
    with pytest.raises(UnstableSimulation, match=r"Turn.*box") as caught:
        branch(on_table, [Look(CAMERA.T_world_camera, np.zeros(3)), Hold(), inside])
    assert caught.value.branches == (2,)


def test_invalid_states_and_actions_are_refused(on_table: State) -> None:
    held = replace(on_table, support="hand")
    with pytest.raises(ValueError, match="Push of an object held in the hand"):
        branch(held, Push(np.zeros(3), AHEAD, 1.0, 0.1))
    with pytest.raises(ValueError, match="LiftAndDrop of an object held in the hand"):
        branch(held, LiftAndDrop(0.1, np.eye(3), np.zeros(3)))
    with pytest.raises(ValueError, match="one action with physics"):
        branch(on_table, [Hold(), Hold()], [Physics()])
    with pytest.raises(ValueError, match="support is 'air'"):
        replace(on_table, support="air")
    with pytest.raises(ValueError, match="2 objects, 1 physics"):
        replace(on_table, physics=(Physics(),))
    with pytest.raises(ValueError, match="not finite"):
        replace(on_table, poses=on_table.poses * np.nan)
