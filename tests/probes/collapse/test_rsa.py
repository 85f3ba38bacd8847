"""RSA against scipy's Spearman, its null by permutation, and orbits of actions that are kept, mirrored or ignored."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from smcrep.probes.collapse.rsa import distances, rsa


def test_distances_are_euclidean() -> None:
    assert distances(np.array([[0.0, 0], [3, 4]])) == pytest.approx(np.array([[0, 5], [5, 0]]))


def test_value_is_the_mean_spearman_correlation_over_states() -> None:
    rng = np.random.default_rng(0)
    a, b = distances(rng.normal(size=(4, 6, 2))), distances(rng.normal(size=(4, 6, 3)))
    upper = np.triu_indices(6, 1)
    each = [spearmanr(x[upper], y[upper]).statistic for x, y in zip(a, b, strict=True)]
    found = rsa(a, b, rng=rng, num_permutations=9)
    assert found.each == pytest.approx(each)
    assert found.value == pytest.approx(np.mean(each))


def test_outcomes_that_move_with_the_action_read_1_and_an_ignored_action_reads_0() -> None:
    rng = np.random.default_rng(0)
    action, state = rng.normal(size=(10, 8, 3)), rng.normal(size=(10, 1, 3))
    moved = rsa(distances(action), distances(state + 2 * action), rng=rng)
    assert moved.value == pytest.approx(1)
    assert moved.p_value == pytest.approx(1 / 1000)
    assert rsa(distances(action), distances(state - action), rng=rng).value == pytest.approx(1)  # it cannot see this
    ignored = rsa(distances(action), distances(state + 0 * action), rng=rng)
    assert ignored.value == 0
    assert ignored.p_value == 1


def test_opposed_distances_are_no_evidence() -> None:
    near = np.array([[0.0, 1, 2], [1, 0, 3], [2, 3, 0]])
    found = rsa(near, np.where(near > 0, 4 - near, 0), rng=np.random.default_rng(0))
    assert found.value == pytest.approx(-1)
    assert found.p_value > 0.9


def test_p_values_of_unrelated_distances_keep_their_level() -> None:
    """Of 200 unrelated pairs about 10 % are at or below .1: binomial, 8 to 34 with probability .999."""
    rng = np.random.default_rng(0)
    reached = [
        rsa(distances(rng.normal(size=(2, 6, 2))), distances(rng.normal(size=(2, 6, 2))), rng=rng, num_permutations=99)
        for _ in range(200)
    ]
    assert 8 <= sum(found.p_value <= 0.1 for found in reached) <= 34


def test_other_shapes_and_nan_are_refused() -> None:
    with pytest.raises(ValueError, match="k >= 3"):
        rsa(np.zeros((2, 2)), np.zeros((2, 2)), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="NaN"):
        rsa(np.full((3, 3), np.nan), np.zeros((3, 3)), rng=np.random.default_rng(0))
