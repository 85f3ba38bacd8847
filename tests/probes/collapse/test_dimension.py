"""Planted dimensions are read, also on a curved surface; both estimates equal their formulas in loops."""

import numpy as np
import pytest

from smcrep.probes.collapse.dimension import levina_bickel, two_nn

ESTIMATES = [two_nn, levina_bickel]


def flat(dim: int, n: int = 1500, d: int = 20) -> np.ndarray:
    rng = np.random.default_rng(dim)
    return rng.uniform(size=(n, dim)) @ np.linalg.qr(rng.normal(size=(d, dim)))[0].T


@pytest.mark.parametrize("estimate", ESTIMATES)
@pytest.mark.parametrize("dim", [1, 2, 5])
def test_planted_dimension_is_read(estimate, dim: int) -> None:
    assert estimate(flat(dim)) == pytest.approx(dim, rel=0.15)


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_a_sphere_in_three_dimensions_has_two(estimate) -> None:
    z = np.random.default_rng(0).normal(size=(1500, 3))
    assert estimate(z / np.linalg.norm(z, axis=1, keepdims=True)) == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_scale_mean_and_repeated_rows_change_nothing(estimate) -> None:
    z = flat(2, n=600)
    assert estimate(100 * z + 3) == pytest.approx(estimate(z), rel=1e-6)
    assert estimate(np.concatenate([z, z[:50]])) == pytest.approx(estimate(z))
    assert estimate(np.ones((40, 3))) == 0


def test_both_equal_their_formulas_in_loops() -> None:
    z = np.random.default_rng(0).normal(size=(30, 4))
    rows = [sorted(np.linalg.norm(z - row, axis=1))[1:] for row in z]
    assert two_nn(z) == pytest.approx(29 / sum(np.log(r[1] / r[0]) for r in rows))
    inverse = [np.mean([np.log(r[4] / r[j]) for j in range(4)]) for r in rows]
    assert levina_bickel(z, k=5) == pytest.approx(1 / np.mean(inverse))


def test_one_neighbour_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        levina_bickel(flat(1), k=1)
