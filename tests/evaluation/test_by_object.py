"""Every figure has a value for each object: right where the answer is planted, chance where there is none."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from smcrep.evaluation.by_object import laws, outcomes, pose, recognition
from tests.evaluation.worlds import NUM_ACTIONS, TrueTurns, turned

NUM_OBJECTS = 4


class Knowing(TrueTurns):
    """By the cloud and fused it knows all, by the picture nothing."""

    config = SimpleNamespace(senses=("points", "rgb"))
    predictors = ("fused", "points", "rgb")


@pytest.fixture(scope="module")
def encoded():
    found = turned(num_objects=NUM_OBJECTS)
    latent = {"fused": found.latent["fused"], "points": found.latent["a"], "rgb": found.latent["noise"]}
    return replace(found, latent=latent)


def test_outcomes_are_found_where_planted_and_by_chance_elsewhere(encoded) -> None:
    found = outcomes(Knowing(), encoded)
    assert {len(values) for values in found.values()} == {NUM_OBJECTS}
    np.testing.assert_array_equal(found["h1.points"], 1)
    np.testing.assert_array_equal(found["h1.fused"], 1)
    for blind in ("h1.rgb", "h1.points>rgb", "h1.rgb>points", "h1_shuffled_action.points"):
        assert found[blind].mean() < 2.5 / NUM_ACTIONS, blind
    assert not [name for name in outcomes(Knowing(), encoded, controls=False) if "shuffled" in name]


def test_recognition_has_at_most_as_many_ways_as_objects(encoded) -> None:
    strengths = {(sense, k): 1.0 for sense in ("points", "rgb") for k in (1, 5)}
    found = recognition(encoded, strengths, n_way=15, num_episodes=60)
    assert sorted(found) == ["1shot.points", "1shot.rgb", "5shot.points", "5shot.rgb"]
    for k in (1, 5):
        np.testing.assert_array_equal(found[f"{k}shot.points"], 1)
        assert abs(found[f"{k}shot.rgb"].mean() - 1 / NUM_OBJECTS) < 0.1


def test_pose_is_measured_in_degrees_and_diameters(encoded) -> None:
    corners = np.array([[-1, -2, -3], [1, 2, 3], [1, -1, 2], [-2, 1, 0.5]]) / 10
    found = pose(Knowing(), encoded, encoded, lambda i: corners)  # type: ignore[arg-type]
    assert found["pose_search_deg.points"].max() < 6
    assert found["add_s.points"].max() < 0.06
    assert found["pose_search_deg.rgb"].min() > 20
    assert found["add_s.rgb"].min() > 2 * found["add_s.points"].max()
    assert found["pose_errors_deg.points"].shape == (NUM_OBJECTS, 6)
    np.testing.assert_array_equal(found["pose_alone_deg"], found["pose_search_deg.points"])
    assert found["pose_probe_deg.points"].max() < found["pose_constant_deg"].min()


def test_group_laws_hold_where_latents_turn_and_a_chain_of_turns_is_followed(encoded) -> None:
    found = laws(Knowing(), encoded)
    for law in ("identity", "inverse", "composition", "loop"):
        assert found[f"law_{law}.points"].max() < 1e-4
    assert found["law_gain.points"].min() > 0.3
    assert abs(found["law_gain.rgb"].mean()) < 0.1
    for step in (1, 2, 3):
        np.testing.assert_array_equal(found[f"roll_out_{step}.points"], 1)
        assert found[f"roll_out_{step}.rgb"].mean() < 0.5
