"""Random patches of an image."""

import torch
from torch import Tensor

from smcrep.corruptions.draws import normal

NUM_WAVES = 6
"""Random numbers along each side of an image, smoothly joined: patches are about a sixth of the side wide."""


def smallest(value: Tensor, num: Tensor) -> Tensor:
    """bool [n, k]: the ``num`` (int64 [n]) smallest numbers of each row of ``value`` [n, k]; more where they are
    equal."""
    last = value.sort(dim=1).values.gather(1, (num - 1).clamp(min=0)[:, None])
    return (value <= last) & (num > 0)[:, None]


def blobs(images: Tensor, share: Tensor, generator: torch.Generator) -> Tensor:
    """bool [n, h, w], beside images [n, h, w]: patches that cover round(share h w) pixels of each; share float [n]."""
    size = images.shape[1:]
    waves = normal(images, 1, NUM_WAVES, NUM_WAVES, generator=generator)
    field = torch.nn.functional.interpolate(waves, size=size, mode="bicubic", align_corners=True).flatten(1)
    num = (share.to(images.device) * field.shape[1]).round().long()
    return smallest(field, num).view(images.shape)
