"""Lengths along a graph of units, and coordinates that have these lengths (Isomap)."""

import torch
from torch import Tensor

REACH = 2.0
LONG = 0.9  # quantile over edges


def geodesics(points: Tensor, adjacent: Tensor) -> Tensor:
    """Shortest paths [n, n] along the edges ``adjacent`` [n, n] between points [n, d] (Floyd-Warshall). Parts of the
    graph that no path joins are joined by the shortest line between them."""
    straight = torch.cdist(points, points)
    path = torch.where(adjacent > 0, straight, torch.inf).fill_diagonal_(0)
    for k in range(len(path)):
        path = torch.minimum(path, path[:, k, None] + path[k])
    while not (joined := path[0].isfinite()).all():
        gaps = straight.masked_fill(~joined[:, None] | joined[None], torch.inf)
        i, j = divmod(int(gaps.argmin()), len(path))
        bridge = path[:, i, None] + straight[i, j] + path[j]
        path = torch.minimum(path, torch.minimum(bridge, bridge.T))
    return path


def within_reach(path: Tensor, adjacent: Tensor) -> Tensor:
    """bool [n, n]: neighbours in the graph, and all units no further along it than REACH times its long edges. Where
    units lie dense, neighbours alone are so near each other that noise, not the manifold, tells where they lie."""
    long = torch.quantile(path[adjacent > 0], LONG)
    return ((path <= REACH * long) | (adjacent > 0)).fill_diagonal_(False)


def coordinates(path: Tensor, dims: int) -> Tensor:
    """Positions [n, dims] with distances near ``path`` [n, n]: classical scaling, the largest eigenvectors of
    -1/2 C D^2 C with C = I - 1/n, times the roots of their eigenvalues (Tenenbaum et al. 2000, Isomap)."""
    squared = path.double().square()
    centred = squared - squared.mean(0) - squared.mean(1, keepdim=True) + squared.mean()
    value, vector = torch.linalg.eigh(-centred / 2)
    return (vector[:, -dims:] * value[-dims:].clamp_min(0).sqrt()).flip(1).to(path.dtype)
