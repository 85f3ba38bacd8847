"""Planted ranks are measured, also with a common mean; constant embeddings have rank 0."""

import numpy as np
import pytest

from smcrep.probes.collapse.indicators import participation_ratio, rank_me, rank_me_as_published, stable_rank

INDICATORS = [rank_me, participation_ratio, stable_rank]


def planted_rank(rank: int, n: int = 2048, d: int = 64, seed: int = 0) -> np.ndarray:
    """n embeddings that fill ``rank`` directions of R^d evenly."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.normal(size=(d, rank)))[0]
    return rng.normal(size=(n, rank)) @ directions.T


@pytest.mark.parametrize("indicator", INDICATORS)
@pytest.mark.parametrize("rank", [1, 5, 32, 64])
def test_indicator_reads_the_planted_rank(indicator, rank: int) -> None:
    n = 2048 if indicator is not stable_rank else 65536  # its largest singular value converges as 1 / sqrt(n)
    assert indicator(planted_rank(rank, n=n)) == pytest.approx(rank, rel=0.07)


@pytest.mark.parametrize("indicator", INDICATORS)
@pytest.mark.parametrize("mean", [0.0, 3.0, 1000.0])
def test_indicators_are_invariant_to_a_common_mean(indicator, mean: float) -> None:
    z = planted_rank(5)
    assert indicator(z + mean) == pytest.approx(indicator(z), rel=1e-6)


@pytest.mark.parametrize("indicator", INDICATORS)
def test_indicators_are_invariant_to_scale_rotation_and_order(indicator) -> None:
    z = planted_rank(5, n=300)
    orthogonal = np.linalg.qr(np.random.default_rng(1).normal(size=(64, 64)))[0]
    assert indicator(0.01 * (z @ orthogonal)[::-1]) == pytest.approx(indicator(z))


@pytest.mark.parametrize("indicator", INDICATORS)
def test_constant_embeddings_read_0_despite_float32_rounding(indicator) -> None:
    rng = np.random.default_rng(0)
    assert indicator(np.full((100, 16), 0.1)) == 0
    constant = np.float32(rng.normal(size=16)) * np.ones((100, 1), np.float32)
    assert indicator(constant * (1 + 5e-8 * rng.normal(size=constant.shape))) == 0


def test_rank_me_equals_the_papers_formula_on_two_singular_values() -> None:
    z = np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]])  # centred; singular values 3 and 1 times sqrt(2)
    p = np.array([0.75, 0.25])
    assert rank_me(z) == pytest.approx(np.exp(-(p * np.log(p)).sum()))
    assert participation_ratio(z) == pytest.approx((9 + 1) ** 2 / (81 + 1))
    assert stable_rank(z) == pytest.approx((9 + 1) / 9)


@pytest.mark.parametrize("indicator", [*INDICATORS, rank_me_as_published])
def test_rank_1_reads_1_and_orthogonal_columns_of_one_length_read_d(indicator) -> None:
    assert indicator(np.outer([-2.0, 1, 1], [1.0, 2, 3])) == pytest.approx(1, abs=1e-4)
    columns = np.kron([[1.0], [-1.0]], np.eye(6))  # centred, orthogonal
    assert indicator(columns) == pytest.approx(6, rel=1e-4)


def test_a_common_mean_hides_rank_from_rank_me_as_published() -> None:
    """The numbers of its docstring; rank_me stands beside."""
    z = np.random.default_rng(0).normal(size=(4096, 128))
    assert [rank_me_as_published(z + mean) for mean in (0, 3, 10)] == pytest.approx([127, 76, 26], abs=1.5)
    assert rank_me(z + 10) == pytest.approx(127, abs=0.5)
    assert rank_me_as_published(np.ones((50, 8))) == pytest.approx(1, abs=1e-4)


def test_non_finite_embeddings_are_refused() -> None:
    with pytest.raises(ValueError, match="give finite"):
        rank_me(np.full((4, 3), np.nan))
