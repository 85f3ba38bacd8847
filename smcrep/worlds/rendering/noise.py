"""Sensor noise: scatter, steps and dropout of depth; photon noise and lens blur of colour."""

from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

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


def noisy_depth(depth: NDArray[np.float32], noise: SensorNoise, rng: np.random.Generator) -> NDArray[np.float32]:
    """Depth [...] in metres as the sensor reads it; 0 (nothing hit) stays 0, and dropped pixels become 0."""
    out = depth * depth
    out *= np.float32(noise.depth_per_m)
    out += np.float32(noise.depth_base_m)
    out *= standard_normal(depth.shape, rng)
    out += depth
    if noise.depth_step_m:
        out *= np.float32(1 / noise.depth_step_m)
        np.rint(out, out=out)
        out *= np.float32(noise.depth_step_m)
    out *= depth > 0
    if noise.depth_dropout:
        out *= standard_normal(depth.shape, rng) > np.float32(ndtri(noise.depth_dropout))
    return out


def noisy_rgb(image: NDArray[np.float32], noise: SensorNoise, rng: np.random.Generator) -> NDArray[np.float32]:
    """``image`` [c, h, w], display-encoded in [0, 1], after blur and noise; may leave [0, 1]."""
    side = np.float32(noise.rgb_blur_px**2 / 2)  # taps (side, 1 - 2 side, side) have variance 2 side
    if side:
        image = _blur(_blur(image, side, axis=1), side, axis=2)
    if noise.rgb_shot:
        image = standard_normal(image.shape, rng) * np.float32(noise.rgb_shot) + image
    return image


def standard_normal(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Standard normal numbers, read-only: a slice, at an offset drawn from ``rng``, of a bank made once. Fresh draws
    would take a third of the time of a ray cast. Two draws overlap, shifted, with probability 2 size / BANK_SIZE."""
    size = prod(shape)
    bank = _bank(size)
    begin = int(rng.random() * (len(bank) - size))
    return bank[begin : begin + size].reshape(shape)


def _bank(size: int) -> NDArray[np.float32]:
    """At least 16 times ``size`` numbers, so that large images too have many offsets."""
    return _make_bank(max(BANK_SIZE, 2 ** (16 * size - 1).bit_length()))


@lru_cache(maxsize=4)
def _make_bank(size: int) -> NDArray[np.float32]:
    bank = np.random.default_rng(0).standard_normal(size, np.float32)
    bank.flags.writeable = False
    return bank


def _blur(image: NDArray[np.float32], side: np.float32, *, axis: int) -> NDArray[np.float32]:
    """Three taps along an axis of [c, h, w]; the border is repeated."""
    sides = image * side
    out = np.asarray(image * (1 - 2 * side), np.float32)
    first, last = ((slice(None),) * axis + (part,) for part in (slice(1, None), slice(None, -1)))
    out[first] += sides[last]
    out[last] += sides[first]
    for edge in (0, -1):
        at = (slice(None),) * axis + (edge,)
        out[at] += sides[at]
    return out
