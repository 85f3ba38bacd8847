"""The parameters of sensor noise, and normal numbers to draw it from."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

BANK_SIZE = 2**20


@dataclass(frozen=True)
class SensorNoise:
    """The parameters of one camera's noise; all zero is a perfect camera.

    depth_base_m, depth_per_m  a depth z reads N(z, s(z)²) with s(z) = depth_base_m + depth_per_m * z², z in metres:
                               the error of triangulation grows with the squared distance (arXiv:1505.05459)
    depth_step_m               the reading is rounded to multiples of this
    depth_dropout              share of pixels without a reading (depth 0)
    rgb_shot                   standard deviation in units of full scale, after display encoding. Photon noise has
                               variance proportional to the light; the encoding is a square root; so it is the same
                               at every brightness (to first order)
    rgb_blur_px                standard deviation of the lens' blur, pixels, at most 0.7
    """

    depth_base_m: float = 0.0
    depth_per_m: float = 0.0
    depth_step_m: float = 0.0
    depth_dropout: float = 0.0
    rgb_shot: float = 0.0
    rgb_blur_px: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value >= 0:
                raise ValueError(f"SensorNoise: {name} is {value}; give a number of at least 0")
        if self.depth_dropout >= 1:
            raise ValueError(f"SensorNoise: depth_dropout is {self.depth_dropout}; give a share below 1")
        if self.rgb_blur_px > 0.7:
            raise ValueError(f"SensorNoise: rgb_blur_px is {self.rgb_blur_px}; three taps blur at most 0.7 pixels")

    def depth_sigma(self, depth: ArrayLike) -> NDArray[np.float64]:
        """Standard deviation, metres, of the reading at true depths [...], rounding included (step² / 12)."""
        depth = np.asarray(depth, np.float64)
        return np.hypot(self.depth_base_m + self.depth_per_m * depth**2, self.depth_step_m / 12**0.5)


def bank(size: int) -> NDArray[np.float32]:
    """Standard normal numbers, read-only, made once: at least 16 times ``size``, so that slices of large images too
    have many offsets. Fresh draws would take a third of the time of a ray cast. Two slices at random offsets overlap,
    shifted, with probability 2 size / BANK_SIZE."""
    return _make_bank(max(BANK_SIZE, 2 ** (16 * size - 1).bit_length()))


@lru_cache(maxsize=4)
def _make_bank(size: int) -> NDArray[np.float32]:
    bank = np.random.default_rng(0).standard_normal(size, np.float32)
    bank.flags.writeable = False
    return bank
