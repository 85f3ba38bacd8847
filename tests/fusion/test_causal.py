"""Causal inference: the two-cue formula of the paper, integrals on a grid for three, and an outlier among three."""

import math
from itertools import combinations

import pytest
import torch

from smcrep.fusion import causal_inference, causal_inference_claim, precision_weighted, subset_posterior
from smcrep.transition import Beliefs

WRONG, BREADTH = 0.2, 3.0


def one_dimension(mean: list[float], spread: list[float]) -> Beliefs:
    given = torch.tensor(spread, dtype=torch.float64)[:, None]
    return Beliefs(torch.tensor(mean, dtype=torch.float64)[:, None], -2 * given.log(), torch.ones(len(mean)).bool())


@pytest.mark.parametrize("apart", [0.1, 1.0, 2.5])
def test_two_cues_as_in_the_paper(apart: float) -> None:
    """Koerding et al. 2007, likelihoods of a common and of two causes, with P(common) = (1 - wrong) / (1 + wrong)."""
    x1, x2, v1, v2, vp = 0.7, 0.7 + apart, 0.5**2, 0.8**2, BREADTH**2
    z = v1 * v2 + v1 * vp + v2 * vp
    common = math.exp(-0.5 * ((x1 - x2) ** 2 * vp + x1**2 * v2 + x2**2 * v1) / z) / (2 * math.pi * math.sqrt(z))
    separate = math.exp(-0.5 * (x1**2 / (v1 + vp) + x2**2 / (v2 + vp))) / (
        2 * math.pi * math.sqrt((v1 + vp) * (v2 + vp))
    )
    prior = (1 - WRONG) / (1 + WRONG)
    expected = common * prior / (common * prior + separate * (1 - prior))
    beliefs = one_dimension([x1, x2], [0.5, 0.8])
    inliers, posterior = subset_posterior(beliefs, wrong=WRONG, breadth=BREADTH)
    assert inliers.tolist() == [[1, 0], [0, 1], [1, 1]]
    assert posterior.tolist() == pytest.approx([(1 - expected) / 2, (1 - expected) / 2, expected])
    fused, _ = causal_inference(beliefs, wrong=WRONG, breadth=BREADTH)
    product = precision_weighted(beliefs)[0].item()
    assert fused.item() == pytest.approx(expected * product + (1 - expected) * (x1 + x2) / 2)


def test_three_senses_by_integrals_on_a_grid() -> None:
    """Oracle: P(S) from densities multiplied and summed over x, for two dimensions; it knows no closed form."""
    g = torch.Generator().manual_seed(3)
    mean = torch.randn(3, 2, generator=g, dtype=torch.float64)
    spread = torch.tensor([[0.4, 0.6], [0.7, 0.5], [0.9, 0.8]], dtype=torch.float64)
    beliefs = Beliefs(mean, -2 * spread.log(), torch.ones(3, dtype=torch.bool))
    x = torch.linspace(-30, 30, 20_001, dtype=torch.float64)
    prior = torch.distributions.Normal(0.0, BREADTH).log_prob(x).exp()

    def evidence(senses: tuple[int, ...]) -> float:
        total = 1.0
        for j in range(2):
            density = prior.clone()
            for s in senses:
                density = density * torch.distributions.Normal(x, spread[s, j]).log_prob(mean[s, j]).exp()
            total *= (density.sum() * (x[1] - x[0])).item()
        return total

    inliers, posterior = subset_posterior(beliefs, wrong=WRONG, breadth=BREADTH)
    expected = {}
    for size in (1, 2, 3):
        for senses in combinations(range(3), size):
            others = [s for s in range(3) if s not in senses]
            chance = (1 - WRONG) ** size * WRONG ** len(others)
            expected[senses] = chance * evidence(senses) * math.prod(evidence((s,)) for s in others)
    total = sum(expected.values())
    for row, p in zip(inliers, posterior, strict=True):
        senses = tuple(int(s) for s in torch.nonzero(row)[:, 0])
        assert p.item() == pytest.approx(expected[senses] / total, rel=1e-6)


def test_one_of_three_that_is_wrong_is_left_out() -> None:
    """Two senses near 0, a third of the same precision at 4: the product goes to 1.33, this stays."""
    beliefs = one_dimension([0.0, 0.1, 4.0], [0.3, 0.3, 0.3])
    fused, weight = causal_inference(beliefs, breadth=BREADTH)
    assert precision_weighted(beliefs)[0].item() == pytest.approx(4.1 / 3)
    assert fused.item() == pytest.approx(0.05, abs=0.1)
    assert weight.tolist() == pytest.approx([0.5, 0.5, 0.0], abs=0.03)


def test_claim_is_the_second_moment_of_the_mixture() -> None:
    beliefs = one_dimension([0.0, 2.0], [0.5, 0.8])
    _, posterior = subset_posterior(beliefs)
    a, b, both = posterior.tolist()
    precision = [4.0, 1 / 0.64, 4 + 1 / 0.64]
    means = [0.0, 2.0, 2.0 / 0.64 / (4 + 1 / 0.64)]
    mean = a * means[0] + b * means[1] + both * means[2]
    moment = sum(p * (1 / q + m**2) for p, q, m in zip((a, b, both), precision, means, strict=True))
    assert causal_inference_claim(beliefs).exp().item() == pytest.approx(1 / (moment - mean**2))


def test_never_wrong_is_the_product() -> None:
    beliefs = one_dimension([0.0, 2.0, -1.0], [0.5, 0.8, 0.6])
    for ours, product in zip(causal_inference(beliefs, wrong=1e-12), precision_weighted(beliefs), strict=True):
        torch.testing.assert_close(ours, product, atol=1e-6, rtol=0)


def test_too_many_senses_get_one_line() -> None:
    with pytest.raises(ValueError, match="11 senses have 2047 subsets; give at most 10"):
        causal_inference(one_dimension([0.0] * 11, [1.0] * 11))
