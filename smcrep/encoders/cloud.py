"""PointNet (arXiv:1612.00593) in plain torch, without its alignment networks: those would undo the pose we want."""

import torch
from torch import Tensor, nn

from smcrep.encoders.trunk import dtype_of, trunk


class CloudEncoder(nn.Module):
    """float32 [b, n, 3] metres, camera frame, any n >= 1 -> invariant and equivariant features, both [b, trunk_dim].

    Centred on the cloud's own mean and divided by ``scale_m``, ``backbone`` ([b, n, 3] -> [b, backbone.num_features]),
    two trunks. The mean joins after pooling, and the equivariant features alone: a robot has both, and identity must
    not be read from the place (another lens, at twice the distance, would make it another object).
    """

    def __init__(self, backbone: nn.Module, trunk_dim: int, scale_m: float) -> None:
        super().__init__()
        self.scale_m = scale_m
        self.backbone = backbone
        num_features: int = backbone.num_features  # type: ignore[assignment]
        self.invariant, self.equivariant = trunk(num_features, trunk_dim), trunk(num_features + 3, trunk_dim)

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        centre = points.mean(-2, keepdim=True)
        features = self.backbone(((points - centre) / self.scale_m).to(dtype_of(self.invariant)))
        place = (centre[:, 0] / self.scale_m).to(features.dtype)
        return self.invariant(features), self.equivariant(torch.cat([features, place], -1))


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
