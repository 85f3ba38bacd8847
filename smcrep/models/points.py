"""PointNet (arXiv:1612.00593) in plain torch, without its alignment networks: those would undo the pose we want."""

import torch
from torch import Tensor, nn

from smcrep.models.config import ModelConfig
from smcrep.models.dgcnn import DGCNN


def points_encoder(config: ModelConfig) -> nn.Module:
    """float32 [b, n, 3] metres, camera frame, any n >= 1 -> what and where, both float32 [b, trunk_dim]."""
    backbone = {"pointnet": PointNet, "dgcnn": DGCNN}[config.points_encoder]()
    return CloudEncoder(backbone, config)


class CloudEncoder(nn.Module):
    """Centre on the cloud's own mean, scale, ``backbone`` ([b, n, 3] -> [b, backbone.num_features]), two trunks.

    The mean joins after pooling, and "where" alone: a robot has both, and what a thing is must not be read through its
    place (another lens, at twice the distance, would make it another thing).
    """

    def __init__(self, backbone: nn.Module, config: ModelConfig) -> None:
        super().__init__()
        self.scale_m = config.points_scale_m
        self.backbone = backbone
        num_features: int = backbone.num_features  # type: ignore[assignment]
        self.what, self.where = _trunk(num_features, config.trunk_dim), _trunk(num_features + 3, config.trunk_dim)

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        centre = points.mean(-2, keepdim=True)
        features = self.backbone((points - centre) / self.scale_m)
        return self.what(features), self.where(torch.cat([features, centre[:, 0] / self.scale_m], -1))


def _trunk(num_in: int, num_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(num_in, num_out), nn.LayerNorm(num_out), nn.GELU())


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
