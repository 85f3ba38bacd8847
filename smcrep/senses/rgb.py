"""RGB: pictures."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from smcrep.encoders.pretrained import freeze_groups, load_image_weights, pixel_scale
from smcrep.encoders.spatial import SmallCNN, SpatialEncoder, resized
from smcrep.encoders.timm_map import TimmMap
from smcrep.senses.arrays import as_tensor, check_pixels, dtype_name
from smcrep.senses.pictures import pixels
from smcrep.senses.sense import Array, Sense
from smcrep.senses.sizes import CNNSettings

NAME = "rgb"
SMALL = "small"


@dataclass(frozen=True)
class RGBSettings(CNNSettings):
    """How a model takes pictures in."""

    encoder: str = SMALL
    """"small" (our CNN) or any name of timm.list_models()."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Mean of each channel, in [0, 1]; fitted on the training data."""
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)
    """Standard deviation of each channel, in [0, 1]; fitted on the training data."""
    frozen_norm: bool = False
    """BatchNorm of a timm encoder keeps the statistics that its weights came with, in training too."""
    weights: str = ""
    """First weights of a timm encoder: empty (drawn by the seed), "timm" (fetched from its hub), or a file."""
    lr_scale: float = 1.0
    """The backbone learns at this times the rate: pretrained weights forget at the rate that new layers need."""
    frozen_groups: int = 0
    """So many groups of a timm encoder's layers, from the image on, learn nothing (1: the stem, 2: one stage too)."""
    colour_jitter: float = 0.15
    """In training each channel of each picture is multiplied by exp(colour_jitter * N(0, 1)); 0: not."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check(len(self.mean) == 3 and all(map(np.isfinite, self.mean)), "mean", "give 3 finite numbers")
        self.check(len(self.std) == 3 and all(0 < s < np.inf for s in self.std), "std", "give 3 numbers above 0")
        self.check(0 <= self.colour_jitter <= 1, "colour_jitter", "give 0 (none) to 1")
        self.check(self.lr_scale > 0, "lr_scale", "give a number above 0")
        self.check(self.frozen_groups >= 0, "frozen_groups", "give 0 or more")
        is_timm = self.encoder != SMALL
        self.check(is_timm or not self.weights, "weights", "set encoder to the timm name that they are of")
        self.check(is_timm or not self.frozen_groups, "frozen_groups", "set encoder to a timm name, or give 0")


class Pixels(nn.Module):
    """uint8 [b, h, w, 3] -> float32 [b, 3 or 6, s, s], resized and scaled.

    With the small CNN three more channels: each colour over the largest of its pixel, which light hardly changes.
    """

    def __init__(self, settings: RGBSettings) -> None:
        super().__init__()
        self.size, self.has_chromaticity = settings.size, settings.encoder == SMALL
        self.num_channels = 6 if self.has_chromaticity else 3
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", 255 * torch.tensor(settings.mean)[:, None, None], persistent=False)
        self.register_buffer("std", 255 * torch.tensor(settings.std)[:, None, None], persistent=False)

    def forward(self, rgb: Tensor) -> Tensor:
        x = resized(rgb.permute(0, 3, 1, 2).float(), self.size)
        channels = (x - self.mean) / self.std
        if not self.has_chromaticity:
            return channels
        # Dark pixels have no colour worth a name: 10 of 255 keeps their noise out.
        return torch.cat([channels, 4 * (x / (x.amax(1, keepdim=True) + 10) - 0.75)], 1)


def encoder(settings: RGBSettings, trunk_dim: int) -> nn.Module:
    pixels = Pixels(settings)
    if settings.encoder == SMALL:
        backbone: nn.Module = SmallCNN(pixels.num_channels, settings.width, settings.blocks)
    else:
        backbone = TimmMap(settings.encoder, settings.size, frozen_norm=settings.frozen_norm)
    return SpatialEncoder(pixels, backbone, trunk_dim)


def check(rgb: Array) -> Tensor:
    """uint8 [b, h, w, 3], h and w of at least 8, as a tensor."""
    x = as_tensor(NAME, rgb)
    if x.ndim != 4:
        hint = "; for one image pass rgb[None]" if x.ndim == 3 else ""
        raise ValueError(f"embed: rgb has shape {list(x.shape)}, expected (B, H, W, 3){hint}")
    if x.shape[-1] != 3:
        if x.shape[1] == 3:
            raise ValueError(
                f"embed: rgb has shape {list(x.shape)}, channels first; pass channels last (B, H, W, 3), "
                "rgb.transpose(0, 2, 3, 1) in NumPy or rgb.permute(0, 2, 3, 1) in torch"
            )
        raise ValueError(
            f"embed: rgb has {x.shape[-1]} channels, expected 3 (B, H, W, 3); drop alpha, repeat grey three times"
        )
    if x.dtype != torch.uint8:
        how = "(rgb * 255).round() of values in [0, 1], cast to uint8" if x.is_floating_point() else "a cast to uint8"
        raise ValueError(f"embed: rgb is {dtype_name(x.dtype)}, expected uint8 in 0..255; convert by {how}")
    check_pixels(NAME, x.shape[1], x.shape[2])
    return x


def convert(value: Any) -> Tensor:
    """A picture in any form of `smcrep.senses.pictures`, a batch as one array, or a list of pictures of one size ->
    uint8 tensor [h, w, 3] or [b, h, w, 3]."""
    if not isinstance(value, list | tuple):
        return torch.from_numpy(pixels(value))
    images = [pixels(item) for item in value]
    sizes = {image.shape for image in images}
    if len(sizes) != 1:
        raise ValueError(f"transform: rgb is a list of images of sizes {sorted(sizes)}; give images of one size")
    return torch.from_numpy(np.stack(images))


def fit(settings: RGBSettings, sample: Tensor) -> RGBSettings:
    """Mean and deviation of each channel of uint8 [n, h, w, 3]; with pretrained weights, what those expect."""
    if settings.weights:
        mean, std = pixel_scale(settings.encoder)
        return replace(settings, mean=mean, std=std, frozen_norm=True)
    pixels = sample.flatten(0, -2).double() / 255
    mean, std = pixels.mean(0), pixels.std(0, correction=0)
    std[std < 1e-6] = 1
    return replace(settings, mean=tuple(mean.tolist()), std=tuple(std.tolist()))


def augment(settings: RGBSettings, rgb: Tensor, generator: torch.Generator | None) -> Tensor:
    """Each channel of each image times exp(``colour_jitter`` N(0, 1)), as another light or white balance would."""
    if not settings.colour_jitter:
        return rgb
    noise = torch.randn(*rgb.shape[:-3], 1, 1, 3, generator=generator)
    gain = torch.exp(settings.colour_jitter * noise).to(rgb.device)
    return (rgb * gain).clamp_(0, 255).to(rgb.dtype)


def start(settings: RGBSettings, encoder: nn.Module) -> None:
    backbone: nn.Module = encoder.backbone  # type: ignore[assignment]
    if settings.weights:
        load_image_weights(backbone, settings.weights)
    if settings.frozen_groups:
        freeze_groups(backbone, settings.frozen_groups)


RGB = Sense(
    NAME,
    settings=RGBSettings,
    check=check,
    encoder=encoder,
    item_shape=lambda resolution: (resolution.image_size, resolution.image_size, 3),
    dtype="uint8",
    unit="sRGB 0..255",
    frame="image: row down, column right",
    label="RGB",
    colour="#d1495b",
    convert=convert,
    fit=fit,
    augment=augment,
    start=start,
    simulate=lambda views: views.rgb,
)
