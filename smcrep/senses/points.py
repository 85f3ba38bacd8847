"""Point clouds: the part of an object's surface that a depth camera sees."""

import math
import warnings
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from smcrep.encoders.cloud import CloudEncoder, PointNet, prepared
from smcrep.encoders.dgcnn import DGCNN
from smcrep.encoders.point_transformer import PointTransformer
from smcrep.encoders.pointnet2 import PointNet2
from smcrep.geometry.points import filled
from smcrep.senses.arrays import as_tensor, dtype_name
from smcrep.senses.sense import Array, Sense, SenseSettings

NAME = "points"
ENCODERS = {"pointnet": PointNet, "pointnet2": PointNet2, "dgcnn": DGCNN, "point_transformer": PointTransformer}
MAX_BEHIND = 0.25
"""Share of a cloud behind the camera: more of them are no stray points, but another frame."""
MAX_DISTANCE_M = 20.0
"""No depth camera reads farther; in other units every object is."""
MIN_RELATIVE_SIZE = 0.01
MAX_RELATIVE_SIZE = 16.0
"""Largest size of a cloud (the smallest stands before it), against those that a model was trained on (.1 to 2 in the
demo); inches for metres are 39 times."""
MOST_OF_SIZE = 64
"""So many points, evenly in their order, or a little more, tell the unit of a cloud: a median of all takes longer."""
FEWEST = 32
"""Points of the sparsest cloud in training."""
FIT_AT_ONCE = 256
"""Clouds whose scale is measured at once; bounds the memory."""


@dataclass(frozen=True)
class PointsSettings(SenseSettings):
    """How a model takes point clouds in."""

    encoder: str = "pointnet"
    """"pointnet", "pointnet2", "dgcnn" or "point_transformer"."""
    scale_m: float = 0.05
    """Clouds, centred on their own mean, are divided by this many metres; fitted on the training data."""
    num_train_points: int = 128
    """Points of each cloud that a training step looks at, drawn anew; 0: all."""
    sparse_share: float = 0.0
    """Share of the clouds that training sees with fewer points, 32 or more, for models that will be given few; 0:
    none. It wants a longer training: in the demo .25 gained .03 with 64 points and cost .01 with 256."""

    def __post_init__(self) -> None:
        self.check(self.encoder in ENCODERS, "encoder", f"choose one of {', '.join(ENCODERS)}")
        self.check(math.isfinite(self.scale_m) and self.scale_m > 0, "scale_m", "give metres above 0")
        self.check(self.num_train_points >= 0, "num_train_points", "give 0 (all) or more")
        self.check(0 <= self.sparse_share <= 1, "sparse_share", "give 0 (none) to 1 (all)")


def encoder(settings: PointsSettings, trunk_dim: int) -> nn.Module:
    return CloudEncoder(ENCODERS[settings.encoder](), trunk_dim, settings.scale_m)


def check(points: Array) -> Tensor:
    """float32 [b, n, 3] in front of the camera, any n >= 1, as a tensor. Points that a sensor did not see (zero, not
    finite, behind it) become copies of the others of their cloud, with a warning that counts them."""
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
    return seen(x.float())


def seen(points: Tensor) -> Tensor:
    """float32 [b, n, 3] as a depth camera gives them -> the same with copies of others in place of unseen points."""
    unseen = ~points.isfinite().all(-1) | (points == 0).all(-1)
    behind = (points[..., 2] <= 0) & ~unseen
    share = behind.sum(-1) / (~unseen).sum(-1).clamp(min=1)
    if bool((share > MAX_BEHIND).any()):
        i = int((share > MAX_BEHIND).nonzero()[0])
        raise ValueError(
            f"embed: {int(behind[i].sum())} of the {points.shape[1]} points of points[{i}] are not in front of the "
            "camera (z <= 0); give the camera's frame, x right, y down, z forward"
        )
    unseen = unseen | behind
    if bool((blind := unseen.all(-1)).any()):
        raise ValueError(
            f"embed: points[{int(blind.nonzero()[0])}] has no point that was seen, all are zero or not finite; leave "
            "the observation out"
        )
    depth = points[..., 2].masked_fill(unseen, torch.nan).nanmedian(-1).values
    if bool((far := depth > MAX_DISTANCE_M).any()):
        i = int(far.nonzero()[0])
        raise ValueError(
            f"embed: points[{i}] is {float(depth[i]):.3g} m from the camera, more than {MAX_DISTANCE_M:g}; give "
            "metres: divide millimetres by 1000, centimetres by 100"
        )
    if not bool(unseen.any()):
        return points
    warnings.warn(
        f"embed: {int(unseen.sum())} of {unseen.numel()} points, in {int(unseen.any(-1).sum())} of {len(points)} "
        "clouds, were not seen (zero, not finite, or behind the camera) and are left out",
        stacklevel=2,
    )
    return filled(points, unseen)


def plausible(settings: PointsSettings, points: Tensor) -> None:
    """ValueError where checked clouds [b, n, 3] are far larger or smaller than those of the training: of another
    unit."""
    points = points[:, :: max(1, points.shape[1] // MOST_OF_SIZE)]
    centre = points.median(1, keepdim=True).values
    size = (points - centre).norm(dim=-1).median(1).values / settings.scale_m
    wrong = (size > MAX_RELATIVE_SIZE) | ((size > 0) & (size < MIN_RELATIVE_SIZE))
    if bool(wrong.any()):
        i = int(wrong.nonzero()[0])
        raise ValueError(
            f"embed: points[{i}] is {float(size[i]):.2g} times as large as the clouds of the training "
            f"({settings.scale_m:.2g} m about their centre); give one object, in metres"
        )


def resampled(points: Tensor, num_points: int) -> Tensor:
    """[n, 3] -> [num_points, 3]: so many of them, drawn by a seed of its own; where there are fewer, all, and copies
    spread evenly over them."""
    order = torch.randperm(len(points), generator=torch.Generator().manual_seed(0)).to(points.device)
    return points[order[torch.arange(num_points, device=points.device) % len(points)]]


def convert(value: Any) -> Tensor:
    """[n, 3] or [b, n, 3] of any floating-point type, or a list of clouds [n, 3] of any numbers of points -> float32
    tensor; smaller clouds of a list are filled up to the largest by copies of their own points."""
    if isinstance(value, list | tuple) and value and all(getattr(cloud, "ndim", 0) == 2 for cloud in value):
        clouds = [convert(cloud) for cloud in value]
        if not all(map(len, clouds)):
            raise ValueError("transform: points is a list with a cloud of 0 points; leave that observation out")
        most = max(map(len, clouds))
        return torch.stack([cloud if len(cloud) == most else resampled(cloud, most) for cloud in clouds])
    points = torch.as_tensor(value)
    return points.float() if points.is_floating_point() else points


def fit(settings: PointsSettings, sample: Tensor) -> PointsSettings:
    """scale_m: root mean square distance of a point from the centre of its cloud, stray points aside; sample float32
    [n, points, 3]."""
    squares = [(part - centre).double().square().sum(-1) for part, centre in map(prepared, sample.split(FIT_AT_ONCE))]
    return replace(settings, scale_m=float(torch.cat(squares).mean().sqrt()))


def thin(settings: PointsSettings, points: Tensor, generator: torch.Generator | None) -> Tensor:
    """The clouds with ``num_train_points`` of their points, drawn anew; as they are where that is 0 or all."""
    num_points = points.shape[-2]
    if not 0 < settings.num_train_points < num_points:
        return points
    kept = torch.randperm(num_points, generator=generator)[: settings.num_train_points]
    return points.index_select(-2, kept.to(points.device))


def augment(settings: PointsSettings, points: Tensor, generator: torch.Generator | None) -> Tensor:
    """In ``sparse_share`` of the clouds [..., n, 3] some points, `FEWEST` to n evenly by logarithm, and copies of them
    in place of the others."""
    if not settings.sparse_share:
        return points
    clouds, num_points = points.flatten(0, -3), points.shape[-2]
    fewest = min(FEWEST, num_points)
    drawn = fewest * (num_points / fewest) ** torch.rand(len(clouds), 1, generator=generator)
    sparse = torch.rand(len(clouds), 1, generator=generator) < settings.sparse_share
    rank = torch.rand(clouds.shape[:2], generator=generator).argsort(dim=1)
    left_out = (rank >= torch.where(sparse, drawn.round(), num_points)).to(points.device)
    return filled(clouds, left_out).view_as(points)


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
    plausible=plausible,
    fit=fit,
    thin=thin,
    augment=augment,
    simulate=lambda views: views.cloud(),
    is_metric=True,
)
