"""Correlated senses: the two-sense numbers by closed form and by simulation, generalised least squares in numpy."""

import math

import numpy as np
import pytest
import torch

from smcrep.fusion import best_linear, best_linear_claim, blue, estimate_correlation, precision_weighted, product_claim
from smcrep.transition import Beliefs

TRUE_OF_PRODUCT = {0.3: 0.855, 0.5: 0.981, 0.8: 1.169}
OF_BLUE = {0.3: 0.846, 0.5: 0.946, 0.8: 0.977}


def correlated(rho: float, variance: tuple[float, float] = (1.0, 2.0), n: int = 200_000) -> Beliefs:
    """Beliefs whose means are errors: the truth is 0."""
    g = torch.Generator().manual_seed(0)
    factor = torch.linalg.cholesky(torch.tensor([[1, rho], [rho, 1]], dtype=torch.float64))
    spread = torch.tensor(variance, dtype=torch.float64)
    errors = torch.randn(n, 2, generator=g, dtype=torch.float64) @ factor.T * spread.sqrt()
    log_precision = -spread.log()[:, None].expand(n, 2, 1)
    return Beliefs(errors[..., None], log_precision, torch.ones(n, 2, dtype=torch.bool))


@pytest.mark.parametrize("rho", TRUE_OF_PRODUCT)
def test_variances_of_two_senses(rho: float) -> None:
    """Variances (1, 2): the product claims .667 whatever the correlation, and has more; BLUE has what it claims."""
    beliefs = correlated(rho)
    assert product_claim(beliefs)[0].exp().item() == pytest.approx(1 / 0.667, abs=1e-3)
    assert precision_weighted(beliefs)[0].var().item() == pytest.approx(TRUE_OF_PRODUCT[rho], rel=0.01)
    assert best_linear(beliefs, rho)[0].var().item() == pytest.approx(OF_BLUE[rho], rel=0.01)
    assert 1 / best_linear_claim(beliefs[0], rho).exp().item() == pytest.approx(OF_BLUE[rho], abs=6e-4)
    covariance = rho * math.sqrt(2)
    assert (2 - covariance**2) / (3 - 2 * covariance) == pytest.approx(OF_BLUE[rho], abs=6e-4)


def test_second_weight_is_negative_beyond_the_ratio_of_spreads() -> None:
    """By hand at rho = .8 > 1 / sqrt 2: c = .8 sqrt 2, w = (2 - c, 1 - c) / (3 - 2 c) = (1.178, -.178)."""
    one = torch.ones(2, dtype=torch.bool)
    beliefs = Beliefs(torch.tensor([[1.0], [0.0]]), -torch.tensor([[1.0], [2.0]]).log(), one)
    fused, weight = best_linear(beliefs, 0.8)
    assert fused.item() == pytest.approx(1.178, abs=1e-3)
    assert weight.tolist() == pytest.approx([1.178 / 1.356, 0.178 / 1.356], abs=1e-3)
    fused, _ = best_linear(beliefs, 0.7)
    assert fused.item() < 1


def test_equals_generalised_least_squares() -> None:
    """Oracle: (X^T S^-1 X)^-1 X^T S^-1 y with numpy, dimension by dimension, senses that are absent left out."""
    rng = np.random.default_rng(0)
    mean, precision = rng.normal(size=(5, 4, 3)), np.exp(rng.normal(size=(5, 4, 3)))
    root = rng.normal(size=(4, 9))
    r = np.corrcoef(root)
    present = np.ones((5, 4), bool)
    present[0, 1] = present[1, 2:] = False
    beliefs = Beliefs(torch.as_tensor(mean), torch.as_tensor(precision).log(), torch.as_tensor(present))
    fused, _ = best_linear(beliefs, torch.as_tensor(r))
    claim = best_linear_claim(beliefs, torch.as_tensor(r)).exp()
    for i in range(5):
        rows = np.flatnonzero(present[i])
        for j in range(3):
            spread = 1 / np.sqrt(precision[i, rows, j])
            inverse = np.linalg.inv(np.outer(spread, spread) * r[np.ix_(rows, rows)])
            x = np.ones(len(rows))
            assert claim[i, j].item() == pytest.approx(x @ inverse @ x)
            assert fused[i, j].item() == pytest.approx(x @ inverse @ mean[i, rows, j] / (x @ inverse @ x))


def test_no_correlation_is_the_product() -> None:
    beliefs = correlated(0.0, n=10)
    torch.testing.assert_close(best_linear(beliefs, 0.0), precision_weighted(beliefs))


def test_correlation_is_estimated() -> None:
    """Three senses, r = (.6, -.3, 0), 16 dimensions of different spread, a bias that does not count."""
    g = torch.Generator().manual_seed(0)
    r = torch.tensor([[1, 0.6, -0.3], [0.6, 1, 0], [-0.3, 0, 1]], dtype=torch.float64)
    draws = torch.randn(4000, 16, 3, generator=g, dtype=torch.float64) @ torch.linalg.cholesky(r).T
    errors = draws.mT * torch.linspace(0.1, 5, 16) + 3
    torch.testing.assert_close(estimate_correlation(errors), r, atol=0.02, rtol=0)


def test_estimate_shrinks_noise_and_keeps_what_is_there() -> None:
    """20 observations of 3 independent senses: nearer the truth than the plain correlation, on average over 50 sets.
    Of a sense given twice the correlation is kept up to a tenth, and the matrix can be solved."""
    g = torch.Generator().manual_seed(0)
    ours = plain = 0.0
    for _ in range(50):
        errors = torch.randn(20, 3, 1, generator=g, dtype=torch.float64)
        ours += (estimate_correlation(errors) - torch.eye(3)).square().sum().item()
        plain += (torch.corrcoef(errors[..., 0].T) - torch.eye(3)).square().sum().item()
    assert ours < 0.6 * plain
    twice = torch.randn(500, 1, 8, generator=g, dtype=torch.float64).expand(500, 2, 8)
    r = estimate_correlation(twice)
    assert 0.9 < r[0, 1] < 1
    pair = Beliefs(torch.zeros(2, 1), torch.zeros(2, 1), torch.ones(2, dtype=torch.bool))
    assert best_linear_claim(pair, r).exp().item() == pytest.approx(2 / (1 + r[0, 1].item()), rel=1e-5)


def test_shrinkage_is_schaefers_and_strimmers() -> None:
    """Oracle: their sums in loops, one dimension."""
    errors = torch.randn(30, 3, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + torch.randn(
        30, 1, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    x = errors[..., 0].numpy()
    x = (x - x.mean(0)) / x.std(0)
    above = below = 0.0
    for i in range(3):
        for j in range(3):
            if i != j:
                w = [x[k, i] * x[k, j] for k in range(30)]
                mean = sum(w) / 30
                above += sum((value - mean) ** 2 for value in w) / 29 / 30
                below += mean**2
    expected = (1 - above / below) * (x[:, 0] * x[:, 1]).mean()
    assert estimate_correlation(errors)[0, 1].item() == pytest.approx(expected)


def test_bad_input_gets_one_line() -> None:
    beliefs = correlated(0.0, n=3)
    with pytest.raises(ValueError, match=r"blue: correlation is \[3, 3\] for 2 senses; give \[2, 2\]"):
        blue(torch.eye(3))(beliefs)
    with pytest.raises(ValueError, match="errors of 1 observations; give at least 2"):
        estimate_correlation(torch.zeros(1, 2, 3))
    with pytest.raises(ValueError, match="constant or NaN in some dimension"):
        estimate_correlation(torch.zeros(5, 2, 3))


def test_a_sense_given_twice_is_correlated_at_one_less_the_least_shrinkage() -> None:
    errors = torch.randn(500, 1, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert estimate_correlation(errors.expand(-1, 2, -1))[0, 1].item() == pytest.approx(0.999, abs=2e-4)
