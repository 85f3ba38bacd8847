"""Settings that image-like senses share."""

from dataclasses import dataclass

from smcrep.encoders.spatial import NORM_GROUPS
from smcrep.senses.sense import SenseSettings

MAX_SIZE = 1 << 16
MAX_BLOCKS = 1000
"""No encoder is as large; a damaged file may declare any number."""


@dataclass(frozen=True)
class CNNSettings(SenseSettings):
    """Sizes of an image encoder."""

    size: int = 64
    """Side in pixels to which every image is resized."""
    width: int = 16
    """Channels of the small CNN's first map; the second has twice, the third four times as many."""
    blocks: int = 0
    """Residual blocks of two 3 x 3 convolutions on the small CNN's last map."""

    def __post_init__(self) -> None:
        self.check(1 <= self.size <= MAX_SIZE, "size", f"give 1 to {MAX_SIZE} pixels")
        fits = 1 <= self.width <= MAX_SIZE and self.width % NORM_GROUPS == 0
        self.check(fits, "width", f"give a multiple of {NORM_GROUPS}, at most {MAX_SIZE}")
        self.check(0 <= self.blocks <= MAX_BLOCKS, "blocks", f"give 0 to {MAX_BLOCKS}")
