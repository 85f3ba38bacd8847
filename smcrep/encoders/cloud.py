"""Encoders of clouds: robust centring, then PointNet (arXiv:1612.00593) in plain torch, without its alignment networks:
those would undo the pose we want."""

import torch
from torch import Tensor, nn

from smcrep.encoders.trunk import dtype_of, trunk
from smcrep.geometry.points import filled, isolation, repeated

NUM_NEIGHBOURS = 3
MAX_ISOLATION = 3.5
"""A point whose third neighbour is farther than so many times the median is left out, where one of its cloud is beyond
`ALARM` times it: no surface is there, and one such point decides a mean and a maximum."""
ALARM = 8.0
"""In clouds without such a point nothing is left out: the ends of thin parts tell objects apart."""
MOST_POINTS = 512
"""Of larger clouds so many are looked at, evenly in their order: twice what training shows. A maximum over more points
is another embedding, and depth images give thousands."""
NUM_PASSES = 2
"""Stray points that keep each other company are alone once their neighbours are gone."""


class CloudEncoder(nn.Module):
    """float32 [b, n, 3] metres, camera frame, any n >= 1 -> invariant and equivariant features, both [b, trunk_dim].

    Repeated and isolated points are left out (`prepared`); centred on the mean of the others and divided by
    ``scale_m``, ``backbone`` ([b, n, 3] -> [b, backbone.num_features]), two trunks. The mean joins after pooling, and
    the equivariant features alone: a robot has both, and identity must not be read from the place (another lens, at
    twice the distance, would make it another object).
    """

    def __init__(self, backbone: nn.Module, trunk_dim: int, scale_m: float) -> None:
        super().__init__()
        self.scale_m = scale_m
        self.backbone = backbone
        num_features: int = backbone.num_features  # type: ignore[assignment]
        self.invariant, self.equivariant = trunk(num_features, trunk_dim), trunk(num_features + 3, trunk_dim)

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        points, centre = prepared(points)
        features = self.backbone(((points - centre) / self.scale_m).to(dtype_of(self.invariant)))
        place = (centre[:, 0] / self.scale_m).to(features.dtype)
        return self.invariant(features), self.equivariant(torch.cat([features, place], -1))


def prepared(points: Tensor) -> tuple[Tensor, Tensor]:
    """Clouds [b, n, 3] -> [b, min(n, MOST_POINTS), 3] with copies of others in place of repeated and isolated points,
    and the mean [b, 1, 3] of what is left, each once. So padding by copies changes nothing, and a few stray points
    little."""
    left_out = repeated(points.detach())
    if points.shape[1] > MOST_POINTS:
        num = (~left_out).sum(1, keepdim=True).clamp(min=MOST_POINTS)
        rank = torch.arange(MOST_POINTS, device=points.device) * num // MOST_POINTS
        chosen = left_out.long().argsort(dim=1, stable=True).gather(1, rank)
        points = points.gather(1, chosen[..., None].expand(-1, -1, 3))
        left_out = left_out.gather(1, chosen)
    seen = points.detach()
    left_out = left_out | isolation(
        seen,
        left_out,
        num_neighbours=NUM_NEIGHBOURS,
        num_passes=NUM_PASSES,
        limit=MAX_ISOLATION,
        alarm=ALARM,
    )
    num = (~left_out).sum(1)[:, None, None]
    return filled(points, left_out), torch.where(left_out[..., None], 0, points).sum(1, keepdim=True) / num


class PointNet(nn.Module):
    """One small network for every point, then the maximum over points."""

    num_features = 256

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 64)
        self.second = nn.Linear(64, 128)
        self.last = nn.Linear(128, self.num_features)

    def forward(self, points: Tensor) -> Tensor:
        h = torch.relu_(self.first(points))
        h = torch.relu_(self.second(h))
        # The rectifier is monotone: after the maximum it costs n times less and gives the same.
        return torch.relu_(self.last(h).max(-2).values)
