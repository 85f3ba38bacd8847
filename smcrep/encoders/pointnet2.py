"""PointNet++ (Qi et al., arXiv:1706.02413) in plain torch: small PointNets on balls around points that are spread over
the cloud, twice, then one on what is left."""

import torch
from torch import Tensor, nn

from smcrep.encoders.dgcnn import nearest_neighbours, rows_at
from smcrep.geometry.points import farthest_points, repeated

NUM_NEIGHBOURS = 16
NUM_FIRST, NUM_SECOND = 64, 16
RADIUS_FIRST = 0.4
"""Of clouds divided by `PointsSettings.scale_m`, whose points lie some 1 from their centre."""
RADIUS_SECOND = 0.8


class SetAbstraction(nn.Module):
    """The maximum over the points j of a ball around point i of MLP([x_j, (p_j - p_i) / radius]): the paper's section
    3.2, with the nearest points of a ball where it takes any."""

    def __init__(self, num_in: int, num_hidden: int, num_out: int, radius: float) -> None:
        super().__init__()
        self.radius = radius
        self.layers = nn.Sequential(nn.Linear(num_in + 3, num_hidden), nn.ReLU(), nn.Linear(num_hidden, num_out))

    def forward(self, points: Tensor, x: Tensor | None, centres: Tensor) -> Tensor:
        """points [b, n, 3] with features x [b, n, c] (None: none), around ``centres`` [b, q, 3] -> [b, q, num_out]."""
        seen = points.detach()
        near = nearest_neighbours(seen, NUM_NEIGHBOURS, repeated(seen), queries=centres.detach())
        offset = (rows_at(points, near) - centres[:, :, None]) / self.radius
        inside = offset.detach().square().sum(-1) <= 1
        given = offset if x is None else torch.cat([rows_at(x, near), offset], -1)
        # The centre is a point itself, so no ball is empty.
        return torch.relu(self.layers(given).masked_fill(~inside[..., None], -torch.inf).amax(2))


class PointNet2(nn.Module):
    """64 balls, 16 larger balls of those, and the maximum over their features and places. Copies of a point change
    nothing."""

    num_features = 256

    def __init__(self) -> None:
        super().__init__()
        self.first = SetAbstraction(0, 32, 64, RADIUS_FIRST)
        self.second = SetAbstraction(64, 128, 128, RADIUS_SECOND)
        self.last = nn.Linear(128 + 3, self.num_features)

    def forward(self, points: Tensor) -> Tensor:
        few = spread(points, NUM_FIRST)
        x = self.first(points, None, few)
        fewer = spread(few, NUM_SECOND)
        x = self.second(few, x, fewer)
        return torch.relu(self.last(torch.cat([x, fewer], -1)).max(-2).values)


def spread(points: Tensor, num: int) -> Tensor:
    """[b, min(num, n), 3]: points that are spread over the cloud [b, n, 3]."""
    return points.gather(1, farthest_points(points.detach(), num)[..., None].expand(-1, -1, 3))
