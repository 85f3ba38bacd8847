"""An irregular graph as a space to integrate over: distances along it, and the volume that each unit stands for."""

import math

import torch
from torch import Tensor


def geodesic_distances(positions: Tensor, edges: Tensor) -> Tensor:
    """Length of the shortest path between units, inf where there is none (Floyd and Warshall), [n, n].

    positions  [n, q]; an edge is as long as its ends are apart.
    edges      int64 [e, 2], each walked both ways.
    """
    num_units = len(positions)
    if edges.numel() and not 0 <= int(edges.min()) <= int(edges.max()) < num_units:
        raise ValueError(f"geodesic_distances: edges name units outside 0 .. {num_units - 1}")
    start, end = edges.T
    distances = positions.new_full((num_units, num_units), torch.inf).fill_diagonal_(0)
    distances[start, end] = distances[end, start] = (positions[start] - positions[end]).norm(dim=-1)
    for via in range(num_units):
        distances = torch.minimum(distances, distances[:, via, None] + distances[via])
    return distances


def knn_volumes(distances: Tensor, *, dim: int, k: int = 4) -> Tensor:
    """Volume of each unit's cell, [n]: that of the ball that reaches its k-th neighbour, over k.

    V_q r_k^q / k with V_q = pi^(q/2) / Gamma(q/2 + 1), the nearest-neighbour estimate of one over the density
    (Loftsgaarden and Quesenberry 1965). Cells at a boundary come out too large, since half of their ball is outside.

    distances  [n, n] between units, along the graph.
    dim        q, of the space that the units lie in (1 for a ring, whatever its coordinates).
    """
    if len(distances) <= k:
        raise ValueError(
            f"knn_volumes: {len(distances)} units have no {k}-th neighbour; give more units or a smaller k"
        )
    radius = distances.kthvalue(k + 1, -1).values  # the first is the unit itself
    ball = math.pi ** (dim / 2) / math.gamma(dim / 2 + 1)
    return ball * radius**dim / k


def voronoi_volumes(distances: Tensor, *, total: float) -> Tensor:
    """Volume of each unit's cell, [n]: the share of a domain that is nearer to it than to any other unit.

    distances  [s, n] from points spread evenly over the domain to the units.
    total      volume of the domain.
    """
    nearest = distances.argmin(-1)
    return total * torch.bincount(nearest, minlength=distances.shape[-1]).to(distances) / len(distances)
