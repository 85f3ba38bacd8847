"""DGCNN (Wang et al., arXiv:1801.07829) in plain torch: edge convolutions over neighbours in feature space."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from smcrep.geometry.points import repeated

NUM_NEIGHBOURS = 16
CHUNK_NUMBERS = 1 << 24
"""Distances held at once (64 MiB): a cloud of 5,000 points does not need its 25 million."""


def nearest_neighbours(
    x: Tensor,
    k: int,
    left_out: Tensor | None = None,
    *,
    queries: Tensor | None = None,
    chunk_numbers: int = CHUNK_NUMBERS,
) -> Tensor:
    """int64 [b, n, min(k, n)]: for each row of x [b, n, c] (or of ``queries`` [b, q, c]) the nearest rows of x, itself
    first, nearest before farther. Rows ``left_out`` (bool [b, n]) are neighbours of none; where too few are left, the
    first comes again.

    Equal to `cdist` + `topk`, computed over slices of rows so that at most about ``chunk_numbers`` distances exist.
    """
    x = x.float()  # in half, neighbours would tie
    num_batch, num_points = x.shape[:2]
    k = min(k, num_points)
    rows = max(1, chunk_numbers // max(1, num_batch * num_points))
    found = []
    for part in (x if queries is None else queries.float()).split(rows, 1):
        # The expanded square loses digits far from the origin and could put another point before itself.
        distance = torch.cdist(part, x, compute_mode="donot_use_mm_for_euclid_dist")
        if left_out is not None:
            distance = distance.masked_fill(left_out[:, None], torch.inf)
        nearest = distance.topk(k, largest=False)
        found.append(torch.where(nearest.values.isinf(), nearest.indices[..., :1], nearest.indices))
    return torch.cat(found, 1)


def rows_at(x: Tensor, index: Tensor) -> Tensor:
    """[b, q, k, c]: the rows of x [b, n, c] that ``index`` [b, q, k] numbers."""
    b, q, k = index.shape
    return x.gather(1, index.reshape(b, q * k, 1).expand(-1, -1, x.shape[-1])).view(b, q, k, x.shape[-1])


class EdgeConvolution(nn.Module):
    """max over neighbours j of act(W [x_j - x_i, x_i]); the linear map is split so that it runs once per point."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.neighbour = nn.Linear(num_in, num_out, bias=False)
        self.own = nn.Linear(num_in, num_out)
        self.norm = nn.LayerNorm(num_out)

    def forward(self, x: Tensor, neighbours: Tensor) -> Tensor:
        here = self.neighbour(x)
        there = rows_at(here, neighbours).max(2).values  # the rest does not depend on j
        return nn.functional.leaky_relu(self.norm(there - here + self.own(x)), 0.2)


class DGCNN(nn.Module):
    """Three edge convolutions, each over the neighbours found in its own input, then the maximum over points. Copies of
    a point are no neighbours: padding by them changes nothing."""

    num_features = 256

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 64)
        self.edges = nn.ModuleList(EdgeConvolution(i, o) for i, o in pairwise(widths))
        self.last = nn.Linear(sum(widths[1:]), self.num_features)

    def forward(self, points: Tensor) -> Tensor:
        x, maps, again = points, [], repeated(points.detach())
        for edge in self.edges:
            x = edge(x, nearest_neighbours(x.detach(), NUM_NEIGHBOURS, again))
            maps.append(x)
        return torch.relu(self.last(torch.cat(maps, -1)).max(-2).values)
