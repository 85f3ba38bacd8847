"""Ranks against a loop over all ways of breaking ties; an action-blind model scores chance, a perfect one 1."""

from itertools import pairwise, permutations

import numpy as np
import pytest

from smcrep.probes.retrieval import rank, rank_same_state, retrieval, same_state_scores, summarise


def by_all_orders(scores: list[float], positive: int) -> tuple[float, float, float]:
    """Mean rank, mean hit at 2 and mean reciprocal rank over every order that sorts the scores."""
    c = len(scores)
    orders = [o for o in permutations(range(c)) if all(scores[a] >= scores[b] for a, b in pairwise(o))]
    places = [order.index(positive) + 1 for order in orders]
    return (
        float(np.mean(places)),
        float(np.mean([place <= 2 for place in places])),
        float(np.mean([1 / place for place in places])),
    )


@pytest.mark.parametrize("scores", [[1, 2, 3, 4], [1, 1, 1, 1], [2, 2, 1, 0], [0, 2, 2, 2], [3, 1, 1, 0]])
@pytest.mark.parametrize("positive", range(4))
def test_ties_count_as_broken_by_chance(scores: list[float], positive: int) -> None:
    ranks = rank(np.array(scores, float), np.array(positive))
    mid, hit, reciprocal = by_all_orders(scores, positive)
    assert float(ranks.mid) == pytest.approx(mid)
    assert float(ranks.hits(2)) == pytest.approx(hit)
    assert float(ranks.reciprocal()) == pytest.approx(reciprocal)
    assert float(ranks.hits(4)) == 1


def test_a_tie_of_t_at_the_top_counts_one_over_t() -> None:
    scores = np.array([[5.0, 5.0, 5.0, 1.0]])
    assert rank(scores, np.array([0])).hits(1) == pytest.approx(1 / 3)
    assert rank(scores, np.array([3])).hits(1) == 0


def test_excluded_candidates_do_not_rank() -> None:
    ranks = rank(np.array([-np.inf, 0.1, 0.9]), np.array(1))
    assert float(ranks.mid) == 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_outcome_blind_encoder_scores_chance(dtype: type) -> None:
    """All outcomes of a state look the same, up to what float32 leaves; argmax would score 100 % or 0 %."""
    rng = np.random.default_rng(0)
    outcome = np.repeat(rng.normal(size=(20, 1, 32)), 16, 1)
    outcome = (outcome * (1 + 1e-8 * rng.normal(size=outcome.shape))).astype(dtype)
    found = retrieval(outcome + 0.5, outcome)
    assert found.hits[1].value == pytest.approx(1 / 16)
    assert found.mrr.value == pytest.approx(found.chance_mrr)
    assert (found.chance_hits, found.num_candidates) == ({1: 1 / 16, 5: 5 / 16}, 16)


def test_action_blind_model_scores_chance() -> None:
    rng = np.random.default_rng(0)
    outcome = rng.normal(size=(50, 16, 8))
    blind = np.repeat(rng.normal(size=(50, 1, 8)), 16, 1)
    found = retrieval(blind, outcome)
    assert found.hits[1].value == pytest.approx(1 / 16)  # one of the 16 queries of each state is right, always
    assert found.mrr.value == pytest.approx(found.chance_mrr)


def test_perfect_predictor_scores_1_and_a_noisy_one_between() -> None:
    rng = np.random.default_rng(0)
    outcome = rng.normal(size=(50, 16, 8))
    perfect = retrieval(3 * outcome, outcome)
    assert perfect.hits[1].ci95 == (pytest.approx(0.95, abs=0.04), 1.0)  # of 50 states, all right
    assert perfect.mrr.value == 1
    noisy = retrieval(outcome + 1.5 * rng.normal(size=outcome.shape), outcome)
    assert 0.2 < noisy.hits[1].value < 0.8
    assert noisy.hits[1].value < noisy.hits[5].value
    assert noisy.hits[1].n == 50


def test_the_interval_is_over_states() -> None:
    """Half of the states are solved, half are not: 40 queries of a state carry no more information than one."""
    scores = np.zeros((10, 40, 40))
    scores[:5] = np.eye(40)
    scores[5:] = -np.eye(40)
    low, high = summarise(rank_same_state(scores)).hits[1].ci95
    assert low < 0.3
    assert high > 0.7


def test_scores_are_cosines_within_a_state() -> None:
    rng = np.random.default_rng(0)
    predicted, outcome = rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 4, 5))
    scores = same_state_scores(predicted, outcome)
    p, o = predicted[1, 2], outcome[1, 3]
    assert scores[1, 2, 3] == pytest.approx(p @ o / np.sqrt(p @ p * (o @ o)))


def test_nan_and_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="scores hold NaN"):
        retrieval(np.full((2, 3, 4), np.nan), np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match=r"\[states, actions, d\]"):
        same_state_scores(np.ones((2, 3, 4)), np.ones((2, 4, 4)))
