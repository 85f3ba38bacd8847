"""OpenVLA's vision backbone (openvla/openvla of 2024, `prismatic/models/backbones/vision/base_vision.py`)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from smcrep.models.patches import PatchEncoder


class OpenVLABackbone(nn.Module):
    """What prismatic's ``VisionBackbone`` promises, by name; register it in ``VISION_BACKBONES`` there.

    ``forward`` takes what ``image_transform`` gives, stacked, and returns [b, num_patches, embed_dim]. Prismatic feeds
    float pixels; ours wants uint8, so the transform keeps 0..255 in float32 [3, h, w] and forward rounds.
    """

    def __init__(self, encoder: PatchEncoder, identifier: str = "smcrep") -> None:
        super().__init__()
        self.identifier = identifier
        self.featurizer = encoder
        self.image_transform: Callable[..., Tensor] = partial(as_pixels, size=encoder.image_size)

    @property
    def embed_dim(self) -> int:
        return self.featurizer.embed_dim

    @property
    def num_patches(self) -> int:
        return self.featurizer.num_patches

    @property
    def default_image_resolution(self) -> tuple[int, int, int]:
        return 3, self.featurizer.image_size, self.featurizer.image_size

    @property
    def half_precision_dtype(self) -> torch.dtype:
        return torch.bfloat16

    def get_fsdp_wrapping_policy(self) -> Callable[..., bool]:
        """The encoder as one unit: it is small beside the language model."""
        from torch.distributed.fsdp.wrap import _module_wrap_policy

        return partial(_module_wrap_policy, module_classes={PatchEncoder})

    def forward(self, pixel_values: Tensor) -> Tensor:
        return self.featurizer.forward_patches(pixel_values.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1))


def as_pixels(image: Any, size: int) -> Tensor:
    """PIL image -> float32 [3, size, size] of 0..255, bicubic as prismatic resizes."""
    from PIL import Image

    resized = image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1).float()
