"""The task's turns, goals and successes against scipy's rotations; what is seen is where the object is."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from smcrep.evaluation.turn_to_match import CLOSE, TurnToMatch
from smcrep.probes.symmetry import add_s
from smcrep.senses import SENSES
from smcrep.worlds.objects.families import procedural
from smcrep.worlds.policy import Policy
from tests.worlds.scenes import box, sphere

OBJECTS = [procedural("mug", 3), procedural("animal", 5)]


def task(num: int = 6, seed: int = 0, **fields: object) -> TurnToMatch:
    return TurnToMatch(OBJECTS, ["studio", "kitchen"], num, seed, image_size=32, num_points=64, **fields)  # type: ignore[arg-type]


def test_who_turns_by_what_is_left_arrives_and_never_before_it_is_there() -> None:
    own = task()
    assert not own.matches().any()
    left = np.degrees(np.linalg.norm(own.left(), axis=1))
    for _ in range(6):
        assert np.array_equal(own.step(own.left()), own.matches())
        now = np.degrees(np.linalg.norm(own.left(), axis=1))
        np.testing.assert_allclose(now, np.maximum(left - 30, 0), atol=1e-4)
        left = now
    assert own.matches().all()


def test_a_turn_is_one_of_the_cameras_frame_about_the_objects_centre() -> None:
    own, rng = task(), np.random.default_rng(1)
    centres = np.stack([state.poses[0, :3, 3] for state in own.states])
    actions = rng.normal(0, 0.2, (6, 3))
    before = own.orientations()
    own.step(actions)
    after = own.orientations()
    for old, new, action in zip(before, after, actions, strict=True):
        expected = Rotation.from_rotvec(action).as_matrix() @ old[0]
        np.testing.assert_allclose(new[0], expected, atol=1e-9)
        np.testing.assert_allclose(new[1], old[1])
    np.testing.assert_allclose(np.stack([state.poses[0, :3, 3] for state in own.states]), centres, atol=1e-12)


def test_what_is_left_is_the_rotation_from_now_to_the_goal() -> None:
    own = task()
    for (now, goal), left in zip(own.orientations(), own.left(), strict=True):
        np.testing.assert_allclose(Rotation.from_rotvec(left).as_matrix() @ now, goal, atol=1e-9)


def test_long_turns_are_cut_and_keep_their_axis() -> None:
    own = task(max_deg=10.0)
    before = own.orientations()[:, 0]
    own.step(np.tile([0.0, 2.0, 0.0], (6, 1)))
    turned = [Rotation.from_matrix(b @ a.T).as_rotvec() for a, b in zip(before, own.orientations()[:, 0], strict=True)]
    np.testing.assert_allclose(turned, np.tile([0, np.radians(10), 0], (6, 1)), atol=1e-9)


def test_matches_are_those_of_add_s() -> None:
    own = task(num=4, seed=3)
    own.step(own.left())
    for state, goal, found in zip(own.states, own.goals, own.matches(), strict=True):
        surface = state.objects[0].surface(400)
        assert found == (add_s(surface, state.poses[:1, :3, :3], goal[None])[0] <= CLOSE)


def test_the_goals_are_seen_where_turning_leads() -> None:
    own = task(num=4)
    goals, start = own.see_goals(), own.see()
    for _ in range(6):
        own.step(own.left())
    there = own.see()
    assert goals["rgb"].shape == (4, 32, 32, 3)
    assert goals["points"].dtype == np.float32

    def apart(a: np.ndarray, b: np.ndarray) -> float:
        return float(KDTree(a).query(b)[0].mean())

    for goal, first, last in zip(goals["points"], start["points"], there["points"], strict=True):
        assert apart(goal, last) < 0.6 * apart(goal, first)


def test_episodes_are_drawn_by_the_seed_and_differ_between_seeds() -> None:
    (one, same, other) = (task(seed=seed).see() for seed in (0, 0, 1))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["rgb"], other["rgb"])


def test_what_looks_the_same_from_all_sides_is_left_out() -> None:
    own = TurnToMatch([sphere(0.1), OBJECTS[0]], ["studio"], 3, 0, image_size=32, num_points=64)
    assert own.skipped == ["sphere"]
    assert own.object_ids.tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="every one of 1 objects looks the same from all sides"):
        TurnToMatch([sphere(0.1)], ["studio"], 3, 0)


def test_a_symmetric_answer_counts() -> None:
    """A square rod turned by a quarter about its axis."""
    rod = box(0.02, 0.02, 0.1)
    own = TurnToMatch([rod], ["studio"], 2, 0, image_size=32, num_points=64, max_deg=180.0)
    own.step(own.left())
    assert own.step(own.orientations()[:, 0] @ [0, 0, np.pi / 2]).all()
    assert not own.step(own.orientations()[:, 0] @ [np.pi / 2, 0, 0]).any()


def test_other_senses_are_seen_and_what_is_not_simulated_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = task(num=2, senses=["mask", "depth"]).see()
    assert {name: x.shape for name, x in seen.items()} == {"mask": (2, 32, 32), "depth": (2, 32, 32)}
    assert ((seen["depth"] > 0) & (seen["mask"] > 0)).any((1, 2)).all()
    monkeypatch.setitem(SENSES._by_name, "touch", replace(SENSES["mask"], name="touch", simulate=None))
    with pytest.raises(ValueError, match="of mask, touch only mask are simulated"):
        task(senses=["mask", "touch"])


def test_wrong_actions_and_worlds_are_refused_in_one_line() -> None:
    own = task(num=2)
    for actions in (np.zeros((3, 3)), np.full((2, 3), np.nan)):
        with pytest.raises(ValueError, match="finite rotation vectors"):
            own.step(actions)
    with pytest.raises(ValueError, match="'table', where turns settle"):
        task(policy=Policy({"push": 1.0}, support="table"))
    for fields in ({"num": 0}, {"max_deg": 0.0}):
        with pytest.raises(ValueError, match="at least one episode, and max_deg above 0"):
            task(**fields)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="give objects"):
        TurnToMatch([], ["studio"], 1, 0)
