"""Raw observations of every sense that ships, as `Sense.check` takes them."""

from typing import Any

import torch
from torch import Tensor

from smcrep.senses import DepthSettings, MaskSettings, PointsSettings, RGBSettings, SenseSettings

CHANGED: dict[str, SenseSettings] = {
    "rgb": RGBSettings(
        size=24, width=8, blocks=1, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6), lr_scale=0.5, colour_jitter=0.3
    ),
    "points": PointsSettings(encoder="dgcnn", scale_m=0.2, num_train_points=7, sparse_share=0.5),
    "depth": DepthSettings(size=24, width=8, blocks=1, scale_m=0.3),
    "mask": MaskSettings(size=24, width=8, blocks=1),
}
"""Settings of which every field that can differs from its default."""
WITHOUT_AUGMENTATION: dict[str, dict[str, Any]] = {
    "rgb": {"colour_jitter": 0.0},
    "points": {"num_train_points": 0, "sparse_share": 0.0},
    "depth": {},
    "mask": {},
}
"""Fields at the strength at which training changes nothing."""


def sample(name: str, *batch: int, size: int = 16, seed: int = 0) -> Tensor:
    """Observations [*batch, ...] of the sense ``name``; images of ``size`` pixels, clouds of ``size`` points."""
    generator = torch.Generator().manual_seed(seed)
    if name == "rgb":
        return torch.randint(0, 256, (*batch, size, size, 3), dtype=torch.uint8, generator=generator)
    if name == "points":
        return 0.05 * torch.randn(*batch, size, 3, generator=generator) + torch.tensor([0.0, 0.0, 0.5])
    if name == "depth":
        depth = 0.4 + 0.2 * torch.rand(*batch, size, size, generator=generator)
        return depth * (torch.rand(depth.shape, generator=generator) > 0.1)  # 0: nothing was read
    assert name == "mask", f"{name} has no sample yet"
    return (torch.rand(*batch, size, size, generator=generator) > 0.5).to(torch.uint8)
