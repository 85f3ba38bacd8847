"""Distances along a graph against scipy's, volumes of cells against spaces whose cells are known."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from smcrep.fusion.graph import geodesic_distances, knn_volumes, voronoi_volumes


def test_distances_are_shortest_paths() -> None:
    """Oracle: Dijkstra's algorithm of scipy on a random graph of two parts."""
    rng = np.random.default_rng(0)
    positions = rng.normal(size=(30, 3))
    edges = np.concatenate([rng.integers(0, 20, (40, 2)), rng.integers(20, 30, (15, 2))])
    edges = np.unique(np.sort(edges[edges[:, 0] != edges[:, 1]], 1), axis=0)
    lengths = np.linalg.norm(positions[edges[:, 0]] - positions[edges[:, 1]], axis=1)
    expected = dijkstra(csr_array((lengths, edges.T), shape=(30, 30)), directed=False)
    ours = geodesic_distances(torch.as_tensor(positions), torch.as_tensor(edges)).numpy()
    np.testing.assert_allclose(ours, expected)
    assert np.isinf(ours[0, 25])


def test_distance_goes_around_not_across() -> None:
    """Three sides of a unit square, by hand."""
    corners = torch.tensor([[0.0, 0], [0, 1], [1, 1], [1, 0]])
    distances = geodesic_distances(corners, torch.tensor([[0, 1], [1, 2], [2, 3]]))
    assert distances[0].tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match=r"edges name units outside 0 .. 3"):
        geodesic_distances(corners, torch.tensor([[0, 4]]))


def test_voronoi_cells_on_a_line_are_half_the_gaps() -> None:
    units, even = torch.tensor([0.1, 0.2, 0.6]), (torch.arange(10_000) + 0.5) / 1000
    volumes = voronoi_volumes((even[:, None] / 10 - units).abs(), total=2.0)
    assert volumes.tolist() == pytest.approx([0.3, 0.5, 1.2], abs=1e-3)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_nearest_neighbours_give_the_volume_of_an_even_space(dim: int) -> None:
    """Points drawn evenly in a unit cube that is closed on itself: volumes sum to 1, within the error of 600 draws."""
    points = torch.rand(600, dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    away = (points[:, None] - points).abs()
    distances = torch.minimum(away, 1 - away).square().sum(-1).sqrt()
    assert knn_volumes(distances, dim=dim, k=8).sum().item() == pytest.approx(1, abs=0.06)


def test_too_few_units_get_one_line() -> None:
    with pytest.raises(ValueError, match="3 units have no 4-th neighbour"):
        knn_volumes(torch.zeros(3, 3), dim=1)
