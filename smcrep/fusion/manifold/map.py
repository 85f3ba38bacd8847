"""A topological map of what the embeddings of a sense look like: units, the graph between them, noise at each."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.fusion.manifold.stored import Stored

ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class ManifoldMap(Stored):
    """n units on a manifold of q dimensions among observations of d numbers.

    Whitened coordinates are (x - mean) / scale. Positions are lengths along the graph in the units of x itself, so
    what is said for each unit of position depends neither on the whitening nor on how often a place was visited.

    mean, scale  float32 [d].
    units        float32 [n, d], whitened.
    edges        int64 [e, 2], each pair of neighbours once.
    positions    float32 [n, q], in units of x: distances between them approximate those along the graph.
    counts       float32 [n]: observations that each unit won.
    slope        float32 [n, d, q]: whitened coordinates for each unit of position.
    variance     float32 [n, d]: of the noise of each whitened coordinate.
    extent       float32 [n]: mean squared length, over the q directions, from a unit to what it won, along the
                 manifold; squared units of x.
    """

    mean: Tensor
    scale: Tensor
    units: Tensor
    edges: Tensor
    positions: Tensor
    counts: Tensor
    slope: Tensor
    variance: Tensor
    extent: Tensor

    def whiten(self, x: Tensor) -> Tensor:
        """Observations [..., d] -> whitened [..., d]."""
        if x.shape[-1] != len(self.mean):
            raise ValueError(
                f"ManifoldMap: x has {x.shape[-1]} numbers an observation and the map {len(self.mean)}; give x as the "
                "map was fitted on, or take `block` of the map"
            )
        return (x - self.mean) / self.scale

    def winners(self, x: Tensor, num: int = 1) -> Tensor:
        """Observations [..., d] -> int64 [..., num]: the nearest units, nearest first."""
        flat = self.whiten(x).flatten(0, -2) if x.ndim > 1 else self.whiten(x)[None]
        found = [squared_distances(part, self.units).topk(num, largest=False).indices for part in rows(flat)]
        return torch.cat(found).reshape(*x.shape[:-1], num)

    def block(self, columns: slice) -> "ManifoldMap":
        """The same graph, seen through some of the d numbers alone: one sense of a map of several."""
        return ManifoldMap(
            self.mean[columns],
            self.scale[columns],
            self.units[:, columns],
            self.edges,
            self.positions,
            self.counts,
            self.slope[:, columns],
            self.variance[:, columns],
            self.extent,
        )


def rows(x: Tensor) -> Iterator[Tensor]:
    """[b, ...] in parts, so that what is computed of each against all units fits into the processor's cache."""
    yield from x.split(ROWS_AT_ONCE)


def squared_distances(x: Tensor, units: Tensor) -> Tensor:
    """[b, d], [n, d] -> [b, n], less ||x||^2, which does not change which unit is nearest."""
    return torch.addmm(units.square().sum(-1), x, units.T, alpha=-2)


def won(x: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
    """Sum [n, d] and number [n] of the observations x [b, d] that each unit is nearest to."""
    sums, counts = torch.zeros_like(units), units.new_zeros(len(units))
    for part in rows(x):
        nearest = squared_distances(part, units).argmin(1)
        sums.index_add_(0, nearest, part)
        counts += torch.bincount(nearest, minlength=len(units))
    return sums, counts


def adjacency(edges: Tensor, num_units: int) -> Tensor:
    """Edges int64 [e, 2] -> symmetric float32 [n, n] of zeros and ones."""
    matrix = torch.zeros(num_units, num_units, device=edges.device)
    matrix[edges[:, 0], edges[:, 1]] = 1
    matrix[edges[:, 1], edges[:, 0]] = 1
    return matrix
