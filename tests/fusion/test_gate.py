"""Disagreement against its closed form and scipy's chi-squared; the gate switches where it should."""

import pytest
import torch
from scipy import stats

from smcrep.fusion import disagree, disagreement, gated, gated_claim, precision_weighted
from smcrep.transition import Beliefs


def one_dimension(mean: list[float], variance: list[float]) -> Beliefs:
    given = torch.tensor(variance, dtype=torch.float64)[:, None]
    return Beliefs(torch.tensor(mean, dtype=torch.float64)[:, None], -given.log(), torch.ones(len(mean)).bool())


def test_two_senses_by_hand() -> None:
    """(0 - 3)^2 / (1 + 2) = 3, of one degree of freedom."""
    q, freedom = disagreement(one_dimension([0, 3], [1, 2]))
    assert q.item() == pytest.approx(3)
    assert freedom.item() == 1


def test_is_chi_squared_where_precisions_are_right() -> None:
    """Its distribution over 20,000 sets of 3 senses in 4 dimensions, one sense absent in half of them."""
    g = torch.Generator().manual_seed(0)
    log_precision = torch.randn(20_000, 3, 4, generator=g, dtype=torch.float64)
    mean = torch.randn(20_000, 3, 4, generator=g, dtype=torch.float64) * torch.exp(-log_precision / 2)
    present = torch.ones(20_000, 3, dtype=torch.bool)
    present[10_000:, 1] = False
    q, freedom = disagreement(Beliefs(mean, log_precision, present))
    assert freedom[0].item() == 8
    assert freedom[-1].item() == 4
    assert stats.kstest(q[:10_000].numpy(), "chi2", (8,)).pvalue > 0.01
    assert stats.kstest(q[10_000:].numpy(), "chi2", (4,)).pvalue > 0.01


@pytest.mark.parametrize("dim", [1, 4, 300])
def test_threshold_is_the_quantile(dim: int) -> None:
    """Two senses of variance 1/2 a distance apart have Q = distance^2; within 4 % of scipy's quantile it switches."""
    quantile = stats.chi2.ppf(0.999, dim)
    for factor, expected in ((0.96, False), (1.04, True)):
        mean = torch.zeros(2, dim, dtype=torch.float64)
        mean[1, 0] = (factor * quantile) ** 0.5
        beliefs = Beliefs(mean, torch.full_like(mean, 2.0).log(), torch.ones(2, dtype=torch.bool))
        assert disagree(beliefs).item() == expected


def test_product_while_senses_agree_and_the_best_alone_where_not() -> None:
    near, far = one_dimension([0, 3], [1, 2]), one_dimension([0, 9], [2, 1])
    torch.testing.assert_close(gated(near), precision_weighted(near))
    assert gated_claim(near).exp().item() == pytest.approx(1.5)
    fused, weight = gated(far)
    assert fused.item() == 9
    assert weight.tolist() == [0, 1]
    assert gated_claim(far).exp().item() == pytest.approx(1)


def test_an_absent_sense_is_never_the_best() -> None:
    beliefs = one_dimension([0, 9, 20], [2, 1, 0.1])
    beliefs.present[2] = False
    assert gated(beliefs)[0].item() == 9
