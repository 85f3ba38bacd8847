"""RGB: pictures."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from smcrep.encoders.pretrained import freeze_groups, load_image_weights, pixel_scale
from smcrep.encoders.spatial import MAP_SIZE, SmallCNN, SpatialEncoder, resized
from smcrep.encoders.staged import StagedMap
from smcrep.encoders.timm_map import TimmMap
from smcrep.encoders.two_streams import TwoStreamEncoder
from smcrep.senses.arrays import as_tensor, check_pixels, dtype_name
from smcrep.senses.pictures import pixels
from smcrep.senses.sense import Array, Frozen, Sense
from smcrep.senses.sizes import MAX_SIZE, CNNSettings

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
    """First weights of a timm encoder: empty (drawn by the seed), "package" (EfficientNet-Lite0's, installed with the
    extra), "timm" (fetched from its hub), or a file."""
    lr_scale: float = 1.0
    """The backbone learns at this times the rate: pretrained weights forget at the rate that new layers need."""
    frozen_groups: int = 0
    """So many groups of a timm encoder's layers, from the image on, learn nothing (1: the stem, 2: one stage too)."""
    frozen_depthwise: bool = False
    """Kernels of depthwise convolutions behind the frozen groups learn nothing either: few of the weights, and on a CPU
    half of the time of a step."""
    colour_jitter: float = 0.15
    """In training each channel of each picture is multiplied by exp(colour_jitter * N(0, 1)); 0: not."""
    spatial: Literal["none", "small", "backbone", "both"] = "none"
    """Two streams: the invariant part is read from the timm encoder, the equivariant part from a map that learns by
    itself: that of the small CNN, one made of where the timm encoder's frozen groups end, or both. none: one stream.
    Frozen groups see the pictures of training as they are stored, without ``colour_jitter``."""
    backbone_size: int = 128
    """Side in pixels to which pictures are resized for the timm encoder of two streams; ``size`` is the small CNN's."""

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
        self.check(
            self.spatial in {"none", "small", "backbone", "both"}, "spatial", "give none, small, backbone or both"
        )
        self.check(is_timm or self.spatial == "none", "spatial", "set encoder to a timm name, or give 'none'")
        from_frozen = self.spatial in ("backbone", "both")
        self.check(self.frozen_groups > 0 or not from_frozen, "frozen_groups", f"spatial {self.spatial!r} wants some")
        self.check(1 <= self.backbone_size <= MAX_SIZE, "backbone_size", f"give 1 to {MAX_SIZE} pixels")


class Pixels(nn.Module):
    """uint8 [b, h, w, 3] -> float32 [b, 3 or 6, size, size], resized and scaled.

    With chromaticity three more channels: each colour over the largest of its pixel, which light hardly changes.
    """

    def __init__(self, settings: RGBSettings, size: int, *, has_chromaticity: bool) -> None:
        super().__init__()
        self.size, self.has_chromaticity = size, has_chromaticity
        self.num_channels = 6 if has_chromaticity else 3
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
    if settings.spatial != "none":
        return two_streams(settings, trunk_dim)
    pixels = Pixels(settings, settings.size, has_chromaticity=settings.encoder == SMALL)
    if settings.encoder == SMALL:
        backbone: nn.Module = SmallCNN(pixels.num_channels, settings.width, settings.blocks)
    else:
        backbone = TimmMap(settings.encoder, settings.size, frozen_norm=settings.frozen_norm)
    return SpatialEncoder(pixels, backbone, trunk_dim)


def two_streams(settings: RGBSettings, trunk_dim: int) -> TwoStreamEncoder:
    pixels = Pixels(settings, settings.backbone_size, has_chromaticity=False)
    backbone = StagedMap(settings.encoder, settings.backbone_size, settings.frozen_groups)
    num_channels = 4 * settings.width  # of each map that the equivariant part is read from
    parts: dict[str, Any] = {}
    if settings.spatial != "backbone":
        fine = Pixels(settings, settings.size, has_chromaticity=True)
        small = SmallCNN(fine.num_channels, settings.width, settings.blocks)
        parts |= {"fine": fine, "small": small, "small_dim": num_channels * MAP_SIZE**2}
    if settings.spatial != "small":
        parts["num_middle"] = num_channels
    return TwoStreamEncoder(pixels, backbone, trunk_dim, **parts)


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
        freeze_groups(backbone, settings.frozen_groups, depthwise=settings.frozen_depthwise)


def prepare(settings: RGBSettings, encoder: nn.Module) -> Frozen | None:
    """The frozen stages of two streams, which see pictures as they were stored, without ``colour_jitter``."""
    if not (isinstance(encoder, TwoStreamEncoder) and encoder.has_frozen):
        return None
    return Frozen(
        encoder.frozen, f"{settings.encoder}, {settings.frozen_groups} groups, {settings.backbone_size} pixels"
    )


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
    prepare=prepare,
    simulate=lambda views: views.rgb,
)
