"""PointNet (arXiv:1612.00593) in plain torch, without its alignment networks: those would undo the pose we want."""

import torch
from torch import Tensor, nn

from smcrep.models.config import ModelConfig
from smcrep.models.dgcnn import DGCNN


def points_encoder(config: ModelConfig) -> nn.Module:
    """float32 [b, n, 3] metres, camera frame, any n >= 1 -> what and where, both float32 [b, trunk_dim]: one trunk."""
    backbone = {"pointnet": PointNet, "dgcnn": DGCNN}[config.points_encoder]()
    return CloudEncoder(backbone, config)


class CloudEncoder(nn.Module):
    """Centre on the cloud's own mean, scale, ``backbone`` ([b, n, 3] -> [b, backbone.num_features]), head.

    The mean joins after pooling: a robot has both, and the shape must not be read through its place.
    """

    def __init__(self, backbone: nn.Module, config: ModelConfig) -> None:
        super().__init__()
        self.scale_m = config.points_scale_m
        self.backbone = backbone
        num_features: int = backbone.num_features  # type: ignore[assignment]
        self.head = nn.Sequential(
            nn.Linear(num_features + 3, config.trunk_dim), nn.LayerNorm(config.trunk_dim), nn.GELU()
        )

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        centre = points.mean(-2, keepdim=True)
        features = self.backbone((points - centre) / self.scale_m)
        trunk = self.head(torch.cat([features, centre[:, 0] / self.scale_m], -1))
        return trunk, trunk


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
