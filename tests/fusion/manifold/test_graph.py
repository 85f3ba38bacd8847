"""Lengths along graphs against another library and by hand; coordinates of what is flat."""

import pytest
import torch

from smcrep.fusion.manifold.graph import coordinates, geodesics, within_reach
from tests.fusion.manifold.planted import generator


def test_shortest_paths_equal_those_of_scipy() -> None:
    csgraph = pytest.importorskip("scipy.sparse.csgraph")
    points = torch.rand(30, 3, generator=generator())
    distance = torch.cdist(points, points)
    near = torch.zeros(30, 30)
    near.scatter_(1, distance.topk(5, largest=False).indices, 1)
    near = ((near + near.T) > 0).float().fill_diagonal_(0)
    for i in range(29):  # one part
        near[i, i + 1] = near[i + 1, i] = 1
    expected = csgraph.dijkstra((distance * near).numpy())
    torch.testing.assert_close(geodesics(points, near), torch.tensor(expected).float(), rtol=1e-5, atol=1e-5)


def test_parts_are_joined_by_the_shortest_line_between_them() -> None:
    points = torch.tensor([[0.0, 0], [1, 0], [5, 0], [5, 2], [9, 2]])
    adjacent = torch.zeros(5, 5)
    for i, j in ((0, 1), (2, 3)):
        adjacent[i, j] = adjacent[j, i] = 1
    path = geodesics(points, adjacent)
    assert path[0].tolist() == pytest.approx([0, 1, 5, 7, 11])
    assert torch.equal(path, path.T)


def test_coordinates_of_a_flat_grid_have_its_distances() -> None:
    flat = torch.cartesian_prod(torch.arange(4.0), 2 * torch.arange(3.0))
    turn = torch.linalg.qr(torch.randn(5, 5, generator=generator())).Q[:2]
    distance = torch.cdist(flat @ turn, flat @ turn)
    found = coordinates(distance, 2)
    torch.testing.assert_close(torch.cdist(found, found), distance, rtol=1e-4, atol=1e-4)


def test_units_in_reach_are_neighbours_and_those_within_twice_a_long_edge() -> None:
    place = torch.tensor([[0.0], [1], [2], [3], [9]])
    adjacent = torch.diag(torch.ones(4), 1) + torch.diag(torch.ones(4), -1)
    path = geodesics(place, adjacent)
    long = float(torch.quantile(torch.tensor([1.0, 1, 1, 6]).repeat(2), 0.9))
    expected = [[j for j in range(5) if j != i and (path[i, j] <= 2 * long or abs(i - j) == 1)] for i in range(5)]
    found = within_reach(path, adjacent)
    assert [row.nonzero()[:, 0].tolist() for row in found] == expected
