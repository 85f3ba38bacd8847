"""Precision is of noise: closed forms, what an estimate really scatters, and what does not change it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from smcrep.fusion.manifold import ManifoldMap, fisher_information, fit_gng, fit_som, information_at
from smcrep.fusion.manifold.tangent import along_and_across
from tests.fusion.manifold.planted import generator, helix, noisy_helix, noisy_line

MAPS = [fit_som, fit_gng]
SELDOM = helix(torch.linspace(1.2, 2.8, 40))
OFTEN = helix(torch.linspace(0.2, 0.9, 40))


def precision(fit: Callable[..., ManifoldMap], x: Tensor, places: Tensor) -> float:
    """Mean over places on a curve."""
    found = fit(x, num_units=30, dims=1, num_passes=10, generator=generator())
    return float(information_at(found, places).mean())


@pytest.mark.parametrize("fit", MAPS)
def test_of_a_line_with_noise_of_its_own_in_each_number(fit: Callable[..., ManifoldMap]) -> None:
    """Lambda = sum_i v_i^2 / s_i^2 for each unit of length along v."""
    direction = torch.tensor([0.5, -0.5, 0.5, 0.5, 0, 0, 0, 0])
    noise = torch.tensor([0.2, 0.3, 0.4, 0.25, 0.1, 0.2, 0.3, 0.4])
    place, x = noisy_line(40_000, direction, noise)
    inside = (place > 1) & (place < 9)
    found = fit(x, num_units=20, dims=1, num_passes=10, generator=generator())
    expected = float((direction.square() / noise.square()).sum())
    assert float(information_at(found, x[inside]).mean()) == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize("fit", MAPS)
def test_twice_the_noise_is_a_quarter_of_the_precision(fit: Callable[..., ManifoldMap]) -> None:
    places = torch.cat([OFTEN, SELDOM])
    once, twice = (precision(fit, noisy_helix(20_000, noise=s)[1], places) for s in (0.04, 0.08))
    assert once == pytest.approx(1 / 0.04**2, rel=0.05)
    assert twice / once == pytest.approx(1 / 4, rel=0.05)


@pytest.mark.parametrize("fit", MAPS)
@pytest.mark.parametrize("places", [OFTEN, SELDOM], ids=["often", "seldom"])
def test_how_often_a_place_is_visited_does_not_change_its_precision(
    fit: Callable[..., ManifoldMap], places: Tensor
) -> None:
    """The noise is the same everywhere; of one part of the curve a tenth of the observations is left."""
    even, uneven = (precision(fit, noisy_helix(40_000, rarely=share)[1], places) for share in (1.0, 0.1))
    assert uneven / even == pytest.approx(1, abs=0.05)


def test_the_distance_to_a_unit_would_change_with_it() -> None:
    """Control: precision from distances to units, and lengths counted in units, mistakes density for precision."""

    def naive(x: Tensor) -> float:
        found = fit_som(x, num_units=30, dims=1, num_passes=10, generator=generator())
        nearest = found.winners(x)[:, 0]
        spread = torch.zeros(30).index_add_(0, nearest, (found.whiten(x) - found.units[nearest]).square().sum(1))
        step = (found.units[2:] - found.units[:-2]).norm(dim=1).square() / 4
        return float((step / (spread / found.counts)[1:-1])[found.winners(SELDOM)[:, 0].clamp(1, 28) - 1].mean())

    even, uneven = (naive(noisy_helix(40_000, rarely=share)[1]) for share in (1.0, 0.1))
    assert uneven / even > 1.5


def test_is_the_inverse_covariance_of_the_best_estimate_of_position() -> None:
    """Simulated: positions estimated from noisy observations of one place scatter with covariance Lambda^-1."""
    slope = torch.randn(1, 6, 2, generator=generator())
    variance = torch.tensor([[0.5, 1, 2, 3, 0.2, 1]])
    noise = variance.sqrt() * torch.randn(100_000, 6, generator=generator(1))
    along, _ = along_and_across(noise, torch.zeros(100_000, dtype=torch.int64), slope, variance)
    empty = torch.zeros(1, 6)
    one = torch.ones(1)
    map_ = ManifoldMap(
        empty[0], one.expand(6), empty, torch.zeros(0, 2).long(), empty[:, :2], one, slope, variance, one
    )
    torch.testing.assert_close(torch.linalg.inv(fisher_information(map_)[0]), along.T.cov(), rtol=0.03, atol=0.005)


def test_senses_of_one_map_keep_the_ratio_of_their_precisions() -> None:
    """Two senses of one place, the second with twice the noise and three times the size: (3 / 1)^2 / 2^2 = 2.25."""
    g = generator()
    place = 10 * torch.rand(30_000, 1, generator=g)
    one = torch.cat([place, torch.zeros(30_000, 3)], 1) / 2**0.5
    x = torch.cat(
        [one + torch.randn(one.shape, generator=g) * 0.2, 3 * one + torch.randn(one.shape, generator=g) * 0.4], 1
    )
    found = fit_som(x, num_units=20, dims=1, blocks=(4, 4), generator=g)
    first, second = (fisher_information(found.block(slice(a, a + 4)))[2:-2, 0, 0] for a in (0, 4))
    assert float((second / first).mean()) == pytest.approx(2.25, rel=0.05)
    torch.testing.assert_close(fisher_information(found)[2:-2, 0, 0], first + second)
    # A unit of position is one of length in all eight numbers: the second moves 3 / sqrt(10) of it
    assert float(second.mean()) == pytest.approx(0.9 / 0.16, rel=0.06)
