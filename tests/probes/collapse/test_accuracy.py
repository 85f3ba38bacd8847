"""Shares of accuracy by hand, with intervals over units; a dead signal has 0, also where all candidates tie."""

import numpy as np
import pytest

from smcrep.probes.collapse.accuracy import conditional_utilisation, perceptual_score, perceptual_score_of_task
from smcrep.probes.collapse.utilisation import another_state
from smcrep.probes.retrieval import rank_same_state

RIGHT = np.array([1.0] * 8 + [0] * 2)  # .8
PERMUTED = np.array([[1.0] * 4 + [0] * 6, [1.0] * 2 + [0] * 8])  # .4 and .2


def test_scores_are_shares_of_accuracy_and_of_the_majority() -> None:
    assert perceptual_score(RIGHT, PERMUTED).value == pytest.approx((0.8 - 0.3) / 0.8)
    assert perceptual_score_of_task(RIGHT, PERMUTED, 0.6).value == pytest.approx((0.8 - 0.3) / 0.6)
    assert conditional_utilisation(RIGHT, PERMUTED[0]).value == pytest.approx((0.8 - 0.4) / 0.8)


@pytest.mark.parametrize("score", [perceptual_score, conditional_utilisation])
def test_a_signal_that_changes_nothing_has_exactly_0(score) -> None:
    found = score(RIGHT, RIGHT)
    assert (found.value, *found.ci95) == pytest.approx((0, 0, 0))


def test_a_dead_action_scores_0_where_all_its_candidates_tie() -> None:
    """The model scores all outcomes of a state alike; argmax would be right wherever the first is the true one."""
    rng = np.random.default_rng(0)
    scores = np.repeat(rng.normal(size=(30, 1, 1)), 4, 1).repeat(4, 2)
    right = rank_same_state(scores).hits(1).ravel()
    permuted = rank_same_state(scores[another_state(30, rng)]).hits(1).ravel()
    assert right == pytest.approx(np.full(120, 0.25))
    assert perceptual_score(right, permuted).value == 0


def test_intervals_are_over_units_and_paired() -> None:
    units = np.repeat(np.arange(10), 3)
    by_unit = perceptual_score(RIGHT.repeat(3), PERMUTED.repeat(3, 1), units)
    assert by_unit.n == 10
    assert by_unit.ci95 == pytest.approx(perceptual_score(RIGHT, PERMUTED).ci95)


def test_the_interval_holds_the_truth_in_most_of_300_simulated_tests() -> None:
    """Accuracy .8 with the signal and .4 without: a share of .5. 95 % of 300, less 3 deviations: 274."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        low, high = conditional_utilisation(rng.uniform(size=200) < 0.8, rng.uniform(size=200) < 0.4).ci95
        held += low <= 0.5 <= high
    assert 274 <= held <= 296


def test_a_model_that_is_never_right_and_a_majority_of_0_are_refused() -> None:
    with pytest.raises(ValueError, match="never right"):
        perceptual_score(np.zeros(4), np.zeros(4))
    with pytest.raises(ValueError, match="majority is 0"):
        perceptual_score_of_task(RIGHT, PERMUTED, 0)
