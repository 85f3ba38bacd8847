"""Every question has its answer object by object, right where it is planted and at chance where there is none."""

from types import SimpleNamespace

import numpy as np
import pytest

from smcrep.evaluation.by_object import laws, outcomes, pose, recognition
from tests.evaluation.worlds import NUM_ACTIONS, TrueTurns, turned

NUM_OBJECTS = 4


class Knowing(TrueTurns):
    """By "a" and fused it knows all, by "noise" nothing."""

    config = SimpleNamespace(senses=("a", "noise"))
    predictors = ("fused", "a", "noise")


@pytest.fixture(scope="module")
def encoded():
    return turned(num_objects=NUM_OBJECTS)


def test_outcomes(encoded) -> None:
    found = outcomes(Knowing(), encoded)
    assert {len(values) for values in found.values()} == {NUM_OBJECTS}
    np.testing.assert_array_equal(found["h1.a"], 1)
    np.testing.assert_array_equal(found["h1.fused"], 1)
    for blind in ("h1.noise", "h1.a>noise", "h1.noise>a", "h1_shuffled_action.a"):
        assert found[blind].mean() < 2.5 / NUM_ACTIONS, blind
    assert not [name for name in outcomes(Knowing(), encoded, controls=False) if "shuffled" in name]


def test_recognition_is_asked_with_as_many_ways_as_there_are_objects(encoded) -> None:
    strengths = {(sense, k): 1.0 for sense in ("a", "noise") for k in (1, 5)}
    found = recognition(encoded, strengths, n_way=15, num_episodes=60)
    assert sorted(found) == ["1shot.a", "1shot.noise", "5shot.a", "5shot.noise"]
    for k in (1, 5):
        np.testing.assert_array_equal(found[f"{k}shot.a"], 1)
        assert abs(found[f"{k}shot.noise"].mean() - 1 / NUM_OBJECTS) < 0.1


def test_pose_is_measured_in_degrees_and_diameters(encoded) -> None:
    corners = np.array([[-1, -2, -3], [1, 2, 3], [1, -1, 2], [-2, 1, 0.5]]) / 10
    found = pose(Knowing(), encoded, encoded, lambda i: corners)  # type: ignore[arg-type]
    assert found["pose_search_deg.a"].max() < 6
    assert found["add_s.a"].max() < 0.06
    assert found["pose_search_deg.noise"].min() > 20
    assert found["add_s.noise"].min() > 2 * found["add_s.a"].max()
    assert found["pose_errors_deg.a"].shape == (NUM_OBJECTS, 6)
    np.testing.assert_array_equal(found["pose_alone_deg"], found["pose_search_deg.a"])
    assert found["pose_probe_deg.a"].max() < found["pose_constant_deg"].min()


def test_laws_hold_for_who_turns_and_a_chain_of_turns_is_followed(encoded) -> None:
    found = laws(Knowing(), encoded)
    for law in ("identity", "inverse", "composition", "loop"):
        assert found[f"law_{law}.a"].max() < 1e-4
    assert found["law_gain.a"].min() > 0.3
    assert abs(found["law_gain.noise"].mean()) < 0.1
    for step in (1, 2, 3):
        np.testing.assert_array_equal(found[f"roll_out_{step}.a"], 1)
        assert found[f"roll_out_{step}.noise"].mean() < 0.5
