"""Masks: which pixels show the object acted on."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from smcrep.encoders.spatial import SmallCNN, SpatialEncoder, resized
from smcrep.senses.arrays import as_tensor, check_pixels, dtype_name
from smcrep.senses.sense import Array, Sense
from smcrep.senses.sizes import CNNSettings

NAME = "mask"


@dataclass(frozen=True)
class MaskSettings(CNNSettings):
    """How a model takes masks in."""


class MaskChannels(nn.Module):
    """uint8 [b, h, w] of 0 and 1 -> float32 [b, 1, s, s]: -1 beside the object, 1 on it."""

    num_channels = 1

    def __init__(self, settings: MaskSettings) -> None:
        super().__init__()
        self.size = settings.size

    def forward(self, mask: Tensor) -> Tensor:
        return 2 * resized(mask[:, None].float(), self.size) - 1


def encoder(settings: MaskSettings, trunk_dim: int) -> nn.Module:
    channels = MaskChannels(settings)
    return SpatialEncoder(channels, SmallCNN(channels.num_channels, settings.width, settings.blocks), trunk_dim)


def check(mask: Array) -> Tensor:
    """bool or uint8 [b, h, w] of 0 and 1 -> uint8 tensor."""
    x = as_tensor(NAME, mask)
    if x.ndim != 3:
        hint = "; for one mask pass mask[None]" if x.ndim == 2 else "; drop the channel axis" if x.ndim == 4 else ""
        raise ValueError(f"embed: mask has shape {list(x.shape)}, expected (B, H, W){hint}")
    if x.dtype not in (torch.bool, torch.uint8):
        raise ValueError(
            f"embed: mask is {dtype_name(x.dtype)}, expected bool or uint8; compare with the object's label"
        )
    x = x.to(torch.uint8)
    if x.numel() and x.max() > 1:
        raise ValueError(f"embed: mask holds {x.max().item()}, expected 0 and 1; compare with the object's label")
    check_pixels(NAME, x.shape[1], x.shape[2])
    return x


MASK = Sense(
    NAME,
    settings=MaskSettings,
    check=check,
    encoder=encoder,
    item_shape=lambda resolution: (resolution.image_size, resolution.image_size),
    dtype="uint8",
    unit="1 on the object acted on, 0 beside it",
    frame="image: row down, column right",
    label="mask",
    colour="#7b6d8d",
    simulate=lambda views: views.mask.astype(np.uint8),
)
