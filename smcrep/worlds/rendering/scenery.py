"""Scenery of an observation: parameters of light, background, table and sensor, and patterns of tables.

Colours are linear light in [0, 1] (the square of what is displayed).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from smcrep.worlds.rendering.noise import SensorNoise

Floats = NDArray[np.floating]
GRID = 16
PATTERN_SIZE = 256


@dataclass(frozen=True, eq=False)
class Light:
    """``direction`` [3] unit, world frame, towards the light; ``key`` [3] its colour; ``sky`` and ``ground`` [3] the
    ambient light on faces that look up and down; ``specular`` the strength of highlights."""

    direction: Floats
    key: Floats
    sky: Floats
    ground: Floats
    specular: float = 0.0


@dataclass(frozen=True, eq=False)
class Background:
    """An image known on a grid [GRID, GRID, 3] of colours, which repeats. The image spans ``span`` = (rows, columns)
    cells from ``offset``. ``sharpness`` 1 interpolates linearly, more (never less) makes the cells' edges crisper."""

    grid: Floats
    span: tuple[float, float]
    offset: tuple[float, float] = (0.0, 0.0)
    sharpness: float = 1.0


@dataclass(frozen=True, eq=False)
class Table:
    """A round table top in the plane z = 0 about the world's origin. ``radius`` and ``period`` (of the pattern) are in
    diameters of the object acted on. The light it reflects is ``colour`` [3] where the pattern is 0 and ``contrast``
    times that where it is 1; the pattern is turned by ``angle`` rad."""

    colour: Floats
    contrast: float = 0.5
    pattern: str = "plain"
    radius: float = 2.5
    period: float = 2.0
    angle: float = 0.0


@dataclass(frozen=True, eq=False)
class Scenery:
    """All that is drawn for one observation. ``seed`` fixes the sensor's noise, so that an image is a function of its
    `View` alone."""

    light: Light
    background: Background
    table: Table
    noise: SensorNoise = field(default_factory=SensorNoise)
    seed: int = 0


@lru_cache(maxsize=32)
def pattern(name: str) -> Floats:
    """float32 [PATTERN_SIZE, PATTERN_SIZE] in [0, 1], tileable: the share of the table's contrast at each point."""
    if name not in PATTERNS:
        raise ValueError(f"Table: pattern {name!r} is unknown; choose one of {', '.join(sorted(PATTERNS))}")
    at = (np.arange(PATTERN_SIZE) + 0.5) / PATTERN_SIZE
    x, y = np.meshgrid(at, at, indexing="ij")
    return np.ascontiguousarray(np.clip(PATTERNS[name](x, y), 0, 1), np.float32)


def _smooth(seed: int, cycles_x: int, cycles_y: int) -> NDArray[np.float64]:
    """Tileable noise with mean 0 and deviation 1, at most ``cycles`` a period along each axis."""
    rng = np.random.default_rng(seed)
    spectrum = np.zeros((PATTERN_SIZE, PATTERN_SIZE // 2 + 1), complex)
    shape = (2 * cycles_x + 1, cycles_y + 1)
    spectrum[np.ix_(np.arange(-cycles_x, cycles_x + 1), np.arange(shape[1]))] = rng.normal(size=shape) * np.exp(
        2j * np.pi * rng.random(shape)
    )
    noise = np.fft.irfft2(spectrum)
    return (noise - noise.mean()) / noise.std()


def _wave(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.5 + 0.5 * np.sin(2 * np.pi * phase)


PATTERNS: dict[str, Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]] = {
    "plain": lambda x, y: 0.5 + 0.06 * _smooth(0, 3, 3),
    "wood": lambda x, y: _wave(5 * x + 0.35 * _smooth(1, 2, 1)) * 0.7 + 0.1 * _smooth(2, 14, 2),
    "cloth": lambda x, y: 0.5 + 0.25 * (np.sign(np.sin(16 * np.pi * x)) + np.sign(np.sin(16 * np.pi * y))),
    "marble": lambda x, y: np.abs(_smooth(3, 4, 4)) ** 0.7 * 0.8,
    "grass": lambda x, y: 0.5 + 0.22 * _smooth(4, 12, 12),
    "checker": lambda x, y: 0.5 + 0.5 * np.sign(np.sin(8 * np.pi * x) * np.sin(8 * np.pi * y)),
    "planks": lambda x, y: np.floor(x * 6) % 3 / 3 + (x * 6 % 1 < 0.07) + 0.12 * _smooth(5, 2, 8),
    "speckle": lambda x, y: (_smooth(6, 16, 16) > 1.0) + 0.1 * _smooth(7, 2, 2),
    "rings": lambda x, y: _wave(6 * np.hypot(x - 0.5, y - 0.5)) ** 2,
}
