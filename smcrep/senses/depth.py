"""Depth images, as a sensor gives them: noisy, with pixels that read nothing."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from smcrep.encoders.spatial import SmallCNN, SpatialEncoder, resized
from smcrep.senses.arrays import as_tensor, check_finite, check_pixels, dtype_name
from smcrep.senses.points import convert
from smcrep.senses.sense import Array, Sense
from smcrep.senses.sizes import CNNSettings

NAME = "depth"
MAX_DEVIATIONS = 4.0
"""A far wall must not leave the range of what is near."""


@dataclass(frozen=True)
class DepthSettings(CNNSettings):
    """How a model takes depth images in."""

    scale_m: float = 0.1
    """Depths, less the mean of their image, are divided by this many metres; fitted on the training data."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check(math.isfinite(self.scale_m) and self.scale_m > 0, "scale_m", "give metres above 0")


class DepthChannels(nn.Module):
    """float32 [b, h, w] metres, 0 where nothing was read -> float32 [b, 2, s, s]: depth less the image's mean, scaled,
    0 where nothing was read; and the share of pixels that read something. The mean itself is the context [b, 1]."""

    num_channels, num_context = 2, 1

    def __init__(self, settings: DepthSettings) -> None:
        super().__init__()
        self.size, self.scale_m = settings.size, settings.scale_m

    def forward(self, depth: Tensor) -> Tensor:
        known = (depth > 0).float()
        deviation = (depth - _mean(depth)[:, None, None]) / self.scale_m
        channels = torch.stack([deviation.clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS) * known, known], 1)
        return resized(channels, self.size)

    def context(self, depth: Tensor) -> Tensor:
        return _mean(depth)[:, None]


def _mean(depth: Tensor) -> Tensor:
    """float32 [b]: mean of the depths that were read, metres; 0 where none was."""
    known = depth > 0
    return (depth * known).sum((1, 2)) / known.sum((1, 2)).clamp(min=1)


def encoder(settings: DepthSettings, trunk_dim: int) -> nn.Module:
    channels = DepthChannels(settings)
    return SpatialEncoder(channels, SmallCNN(channels.num_channels, settings.width, settings.blocks), trunk_dim)


def check(depth: Array) -> Tensor:
    """Finite float32 [b, h, w] of at least 0 metres, as a tensor."""
    x = as_tensor(NAME, depth)
    if x.ndim != 3:
        hint = "; for one image pass depth[None]" if x.ndim == 2 else "; drop the channel axis" if x.ndim == 4 else ""
        raise ValueError(f"embed: depth has shape {list(x.shape)}, expected (B, H, W){hint}")
    if not x.is_floating_point():
        kind = dtype_name(x.dtype)
        raise ValueError(f"embed: depth is {kind}, expected floating-point metres; divide millimetres by 1000")
    x = x.float()
    check_finite(NAME, x, "write 0 where the sensor reads nothing")
    if len(x) and x.min() < 0:
        raise ValueError(f"embed: depth holds {x.min().item():.3g}; give metres along z, 0 where nothing is read")
    check_pixels(NAME, x.shape[1], x.shape[2])
    return x


def fit(settings: DepthSettings, sample: Tensor) -> DepthSettings:
    """scale_m: root mean square deviation of a depth from the mean of its image; sample float32 [n, h, w]."""
    deviation = (sample - _mean(sample)[:, None, None])[sample > 0].double()
    scale = float(deviation.square().mean().sqrt()) if deviation.numel() else 0.0
    return replace(settings, scale_m=scale) if scale > 1e-6 else settings


DEPTH = Sense(
    NAME,
    settings=DepthSettings,
    check=check,
    encoder=encoder,
    item_shape=lambda resolution: (resolution.image_size, resolution.image_size),
    dtype="float32",
    unit="m along z, 0 where nothing is read",
    frame="image: row down, column right",
    label="depth",
    colour="#e08e45",
    convert=convert,
    fit=fit,
    simulate=lambda views: views.depth,
    is_metric=True,
)
