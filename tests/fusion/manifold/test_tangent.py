"""Distances to a map, on a plane that is known and on a curve."""

import pytest
import torch

from smcrep.fusion.manifold import ManifoldMap, distance_to_manifold, fit_som, orthogonal_residual
from smcrep.fusion.manifold.tangent import along_and_across
from tests.fusion.manifold.planted import DIM, generator, helix, noisy_helix


@pytest.fixture(scope="module")
def curve() -> ManifoldMap:
    return fit_som(noisy_helix(20_000)[1], num_units=30, dims=1, generator=generator())


def test_least_squares_by_hand() -> None:
    """On the diagonal of a plane, the second number twice as noisy: t = (r1 + r2 / 4) / (1 + 1/4)."""
    slope, variance = torch.tensor([[[1.0], [1], [0]]]), torch.tensor([[1.0, 4, 9]])
    along, across = along_and_across(torch.tensor([[1.0, 3, 6]]), torch.tensor([0]), slope, variance)
    t = (1 + 3 / 4) / 1.25
    assert along.tolist() == [[pytest.approx(t)]]
    assert across[0].tolist() == pytest.approx([1 - t, (3 - t) / 2, 2])


def test_is_1_on_average_for_observations_like_those_of_the_fit(curve: ManifoldMap) -> None:
    x = noisy_helix(20_000, seed=9)[1]
    assert float(orthogonal_residual(curve, x).mean()) == pytest.approx(1, rel=0.03)
    assert float(distance_to_manifold(curve, x).mean()) == pytest.approx(2, rel=0.05)


def test_grows_with_the_variance_of_the_noise(curve: ManifoldMap) -> None:
    for times in (2, 4):
        x = noisy_helix(20_000, noise=0.05 * times, seed=9)[1]
        assert float(orthogonal_residual(curve, x).mean()) == pytest.approx(times**2, rel=0.06)


def test_what_is_off_the_manifold_scores_by_its_distance_in_deviations(curve: ManifoldMap) -> None:
    """a / sigma along one of 7 free directions gives (a / sigma)^2 / 7."""
    x = helix(torch.linspace(0.5, 2.5, 50))
    base = orthogonal_residual(curve, x)
    moved = x + 0.5 * torch.eye(DIM)[5]
    added = (orthogonal_residual(curve, moved) - base).mean()
    assert float(added) == pytest.approx((0.5 / 0.05) ** 2 / 7, rel=0.08)


def test_what_lies_beyond_the_end_of_the_manifold_is_far_though_in_its_tangent_space(curve: ManifoldMap) -> None:
    inside = distance_to_manifold(curve, helix(torch.linspace(0.5, 2.5, 50))).max()
    end = helix(torch.tensor([3.0])) + torch.tensor([[-0.14, -0.99, 0.5, 0, 0, 0, 0, 0]]) * 1.5
    assert float(distance_to_manifold(curve, end)) > 20 * float(inside)
    assert float(orthogonal_residual(curve, end)) < float(distance_to_manifold(curve, end)) / 4


def test_two_places_of_the_map_with_their_mean_off_it(curve: ManifoldMap) -> None:
    """The mean of two embeddings is no embedding."""
    ends = helix(torch.tensor([0.2, 2.8]))
    assert float(distance_to_manifold(curve, ends.mean(0))) > 10 * float(distance_to_manifold(curve, ends).max())
