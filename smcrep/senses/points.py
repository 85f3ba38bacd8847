"""Point clouds: the part of an object's surface that a depth camera sees."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from smcrep.encoders.cloud import CloudEncoder, PointNet
from smcrep.encoders.dgcnn import DGCNN
from smcrep.senses.arrays import as_tensor, check_finite, dtype_name
from smcrep.senses.sense import Array, Sense, SenseSettings

NAME = "points"
ENCODERS = {"pointnet": PointNet, "dgcnn": DGCNN}


@dataclass(frozen=True)
class PointsSettings(SenseSettings):
    """How a model takes point clouds in."""

    encoder: str = "pointnet"
    """"pointnet" or "dgcnn"."""
    scale_m: float = 0.05
    """Clouds, centred on their own mean, are divided by this many metres; fitted on the training data."""
    num_train_points: int = 128
    """Points of each cloud that a training step looks at, drawn anew; 0: all."""

    def __post_init__(self) -> None:
        self.check(self.encoder in ENCODERS, "encoder", f"choose one of {', '.join(ENCODERS)}")
        self.check(math.isfinite(self.scale_m) and self.scale_m > 0, "scale_m", "give metres above 0")
        self.check(self.num_train_points >= 0, "num_train_points", "give 0 (all) or more")


def encoder(settings: PointsSettings, trunk_dim: int) -> nn.Module:
    return CloudEncoder(ENCODERS[settings.encoder](), trunk_dim, settings.scale_m)


def check(points: Array) -> Tensor:
    """Finite float32 [b, n, 3], any n >= 1, as a tensor."""
    x = as_tensor(NAME, points)
    if x.ndim != 3:
        hint = "; for one cloud pass points[None]" if x.ndim == 2 else ""
        raise ValueError(f"embed: points has shape {list(x.shape)}, expected (B, N, 3){hint}")
    if x.shape[-1] != 3:
        hint = "; transpose the last two axes" if x.shape[1] == 3 else "; drop what is not x, y, z"
        raise ValueError(f"embed: points has shape {list(x.shape)}, expected (B, N, 3){hint}")
    if x.shape[1] < 1:
        raise ValueError("embed: points holds clouds of 0 points; give at least 1, or leave points out")
    if not x.is_floating_point():
        raise ValueError(f"embed: points is {dtype_name(x.dtype)}, expected floating-point metres; divide by the unit")
    x = x.float()
    check_finite(NAME, x, "remove points without depth, or replace them by copies of valid ones")
    return x


def convert(value: object) -> Tensor:
    """[n, 3] or [b, n, 3] of any floating-point type -> float32 tensor."""
    points = torch.as_tensor(value)
    return points.float() if points.is_floating_point() else points


def fit(settings: PointsSettings, sample: Tensor) -> PointsSettings:
    """scale_m: root mean square distance of a point from the mean of its cloud; sample float32 [n, points, 3]."""
    centred = sample.double() - sample.double().mean(-2, keepdim=True)
    return replace(settings, scale_m=float(centred.square().sum(-1).mean().sqrt()))


def thin(settings: PointsSettings, points: Tensor, generator: torch.Generator | None) -> Tensor:
    """The clouds with ``num_train_points`` of their points, drawn anew; as they are where that is 0 or all."""
    num_points = points.shape[-2]
    if not 0 < settings.num_train_points < num_points:
        return points
    kept = torch.randperm(num_points, generator=generator)[: settings.num_train_points]
    return points.index_select(-2, kept.to(points.device))


POINTS = Sense(
    NAME,
    settings=PointsSettings,
    check=check,
    encoder=encoder,
    item_shape=lambda resolution: (resolution.num_points, 3),
    dtype="float32",
    unit="m",
    frame="camera: x right, y down, z forward",
    label="point cloud",
    colour="#00798c",
    convert=convert,
    fit=fit,
    thin=thin,
    simulate=lambda views: views.cloud(),
    is_metric=True,
)
