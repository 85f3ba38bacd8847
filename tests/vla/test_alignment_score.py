"""Retrieval scores on planted galleries: perfect, constant, reversed, several true candidates."""

import numpy as np
import pytest

from smcrep.vla.alignment_score import alignment_score

RNG = np.random.default_rng(0)


def test_perfect_alignment() -> None:
    z, meaning = RNG.normal(size=(20, 8)), np.arange(20)
    score = alignment_score(z, 3 * z[::-1], meaning, meaning[::-1])
    assert (score.hits[1], score.mrr, score.median_rank) == (1, 1, 1)
    assert (score.num_queries, score.num_candidates) == (20, 20)


def test_a_constant_embedding_scores_chance_wherever_the_true_one_is_stored() -> None:
    meaning = np.arange(20)
    score = alignment_score(np.ones((20, 4)), np.ones((20, 4)), meaning, meaning)
    assert score.hits == pytest.approx({1: 1 / 20, 5: 5 / 20, 10: 10 / 20})
    assert score.hits == pytest.approx(score.chance_hits)
    assert score.mrr == pytest.approx(score.chance_mrr)
    assert score.median_rank == 10.5


def test_the_worst_alignment_ranks_last() -> None:
    angle = np.linspace(0, 1, 5)
    z = np.stack([np.cos(angle), np.sin(angle)], 1)
    score = alignment_score(z[:1], z, np.array([4]), np.arange(5))
    assert (score.hits[1], score.hits[5], score.mrr) == pytest.approx((0, 1, 1 / 5))


def test_each_true_candidate_is_ranked_without_the_others() -> None:
    """Cosines with the query: .9 true, .8 wrong, .7 true, .1 wrong. Ranks 1 and 2 of three each."""
    cosine = np.array([0.9, 0.8, 0.7, 0.1])
    candidates = np.stack([cosine, np.sqrt(1 - cosine**2)], 1)
    score = alignment_score(np.array([[2.0, 0.0]]), candidates, np.array([7]), np.array([7, 1, 7, 2]))
    assert score.hits[1] == 0.5
    assert score.hits[5] == 1
    assert score.mrr == pytest.approx(0.75)
    assert score.median_rank == 1.5
    assert score.chance_hits[1] == pytest.approx(1 / 3)


def test_ties_with_wrong_candidates_count_by_chance() -> None:
    z = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    score = alignment_score(z[:1], z, np.array([0]), np.arange(3))
    assert score.hits[1] == 0.5
    assert score.mrr == pytest.approx((1 + 1 / 2) / 2)


def test_a_query_without_a_true_candidate_is_refused() -> None:
    with pytest.raises(ValueError, match="no candidate of its meaning"):
        alignment_score(np.ones((2, 2)), np.ones((2, 2)), np.array([0, 1]), np.array([0, 2]))
