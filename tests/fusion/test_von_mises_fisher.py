"""Product of directions: a triangle by hand, densities multiplied on a circle and a sphere, the flat limit."""

import math

import pytest
import torch
from scipy import stats

from smcrep.fusion import precision_weighted, von_mises_fisher, von_mises_fisher_claim
from smcrep.fusion.von_mises_fisher import expected_cosine, log_density
from smcrep.transition import Beliefs


def two(a: list[float], b: list[float], kappa: tuple[float, float]) -> Beliefs:
    log_precision = torch.tensor([[kappa[0]], [kappa[1]]], dtype=torch.float64).log()
    return Beliefs(torch.tensor([a, b], dtype=torch.float64), log_precision, torch.ones(2, dtype=torch.bool))


def test_a_triangle_by_hand() -> None:
    """eta = 3 (1, 0) + 4 (0, 1): length 5, direction (.6, .8). The norm of a mean does not count."""
    beliefs = two([1, 0], [0, 7], (3, 4))
    fused, weight = von_mises_fisher(beliefs)
    assert fused.tolist() == pytest.approx([0.6, 0.8])
    assert weight.tolist() == pytest.approx([3 / 7, 4 / 7])
    assert von_mises_fisher_claim(beliefs).exp().item() == pytest.approx(5)


def test_equals_densities_multiplied_on_a_circle() -> None:
    """Oracle: scipy's von Mises densities, multiplied on a grid; their mean direction and concentration."""
    angles = torch.linspace(0, 2 * math.pi, 10_001, dtype=torch.float64)[:-1]
    beliefs = two([math.cos(0.4), math.sin(0.4)], [math.cos(2.0), math.sin(2.0)], (2.0, 1.2))
    density = torch.as_tensor(stats.vonmises.pdf(angles, 2.0, 0.4) * stats.vonmises.pdf(angles, 1.2, 2.0))
    density = density / density.sum()
    mean = torch.stack([(density * angles.cos()).sum(), (density * angles.sin()).sum()])
    torch.testing.assert_close(von_mises_fisher(beliefs)[0], mean / mean.norm())
    claim = von_mises_fisher_claim(beliefs)
    assert expected_cosine(claim, 2).item() == pytest.approx(mean.norm().item())


@pytest.mark.parametrize("dim", [2, 3, 8, 100])
def test_density_equals_scipys(dim: int) -> None:
    g = torch.Generator().manual_seed(0)
    mean, x = torch.nn.functional.normalize(torch.randn(2, dim, generator=g, dtype=torch.float64), dim=-1)
    for kappa in (0.5, 20.0):
        expected = stats.vonmises_fisher(mean.numpy(), kappa).logpdf(x.numpy())
        ours = log_density(mean @ x, torch.tensor(kappa, dtype=torch.float64).log(), dim)
        assert ours.item() == pytest.approx(float(expected), rel=1e-9)


def test_kappa_falls_as_senses_disagree() -> None:
    claims = [
        von_mises_fisher_claim(two([1, 0], [math.cos(t), math.sin(t)], (3, 4))).exp().item() for t in (0.0, 1.0, 3.1416)
    ]
    assert claims[0] == pytest.approx(7)
    assert claims[0] > claims[1] > claims[2]
    assert claims[2] == pytest.approx(1, abs=1e-4)


def test_no_direction_where_equal_senses_cancel() -> None:
    fused, _ = von_mises_fisher(two([1, 0], [-1, 0], (2, 2)))
    assert fused.tolist() == [0, 0]


def test_size_of_a_precision_does_not_overflow() -> None:
    beliefs = two([1, 0], [0, 1], (1, 1))
    for size in (-700.0, 700.0):
        huge = Beliefs(beliefs.mean, beliefs.log_precision + size, beliefs.present)
        torch.testing.assert_close(von_mises_fisher(huge)[0], von_mises_fisher(beliefs)[0])
        assert von_mises_fisher_claim(huge).item() == pytest.approx(size + math.log(2) / 2)


def test_near_each_other_it_is_the_gaussian_product_along_the_sphere() -> None:
    angles = (0.01, -0.02)
    mean = [[math.cos(a), math.sin(a)] for a in angles]
    fused, _ = von_mises_fisher(two(mean[0], mean[1], (2, 6)))
    along = Beliefs(torch.tensor(angles)[:, None], torch.tensor([[2.0], [6.0]]).log(), torch.ones(2, dtype=torch.bool))
    assert math.atan2(fused[1], fused[0]) == pytest.approx(precision_weighted(along)[0].item(), abs=1e-5)
