"""Kinds of backgrounds, each drawn from a palette and uniform random numbers.

Colours are given as displayed, hue in turns, and become linear light when they are drawn.
"""

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from smcrep.worlds.rendering.scenery import GRID, Background

Range = tuple[float, float]
Uniform = NDArray[np.floating]  # numbers drawn from [0, 1)
_FROM_TOP = np.linspace(0, 1, GRID, dtype=np.float32)[:, None, None]
_IN_TURN = np.indices((GRID, GRID)).sum(0) % 2 == 0


def between(range: Range, u: float) -> float:
    return range[0] + (range[1] - range[0]) * u


@dataclass(frozen=True)
class Palette:
    """Ranges of hue (turns; may pass 1), saturation and value that a family's colours lie in."""

    hue: Range
    saturation: Range
    value: Range

    @cached_property
    def ranges(self) -> NDArray[np.float64]:
        return np.array([self.hue, self.saturation, self.value], np.float64)

    def colour(self, u: Sequence[float], strength: float = 1.0) -> NDArray[np.float32]:
        """Linear colour float32 [3] of three uniform numbers, times ``strength``."""
        hue, saturation, value = between(self.hue, u[0]), between(self.saturation, u[1]), between(self.value, u[2])
        red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
        return np.array([red * red * strength, green * green * strength, blue * blue * strength], np.float32)


def colours(palette: Palette, grid: Uniform) -> NDArray[np.float32]:
    """`Palette.colour` of the first three of the numbers [h, w, 4] of each cell: float32 [h, w, 3]."""
    from smcrep.worlds.rendering.wheel import linear_colours  # numba: only where something is rendered

    return linear_colours(palette.ranges, grid)


def _full(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    full = np.empty((GRID, GRID, 3), np.float32)
    full[...] = rows
    return full


def _gradient(palette: Palette, u: Sequence[float], grid: Uniform) -> Background:
    """A colour gradient from top to bottom."""
    top, bottom = palette.colour(u[:3]), palette.colour(grid[0, 0, :3].tolist())
    bottom = bottom * np.float32(0.3 + 0.5 * u[3]) + top * np.float32(0.2)
    return Background(_full(top + _FROM_TOP * (bottom - top)), (GRID - 1, 1))


def _tiles(palette: Palette, u: Sequence[float], grid: Uniform) -> Background:
    """A tiled wall: two shades in turn, each tile a little different."""
    dark = 0.45 + 0.35 * u[3]
    shade = np.where(_IN_TURN, 1, dark) * (0.9 + 0.1 * grid[..., 3])
    size = 5 + 8 * u[4]
    return Background(palette.colour(u[:3]) * shade[..., None].astype(np.float32), (size, size), _offset(grid), 8.0)


def _noise(palette: Palette, u: Sequence[float], grid: Uniform) -> Background:
    """A rough wall: one colour, brightness in patches."""
    shade = 0.35 + 0.65 * grid[..., 3:]
    size = 8 + 16 * u[4]
    return Background(_full(palette.colour(u[:3]) * shade), (size, size * 0.8), _offset(grid), 1.0)


def _blobs(palette: Palette, u: Sequence[float], grid: Uniform) -> Background:
    """Foliage out of focus: soft patches of many hues."""
    size = 4 + 5 * u[4]
    return Background(colours(palette, grid), (size, size), _offset(grid), 1.0)


def _mosaic(palette: Palette, u: Sequence[float], grid: Uniform) -> Background:
    """A cloth or a poster: small pieces of many colours with edges."""
    size = 10 + 10 * u[4]
    return Background(colours(palette, grid), (size, size), _offset(grid), 3.0 + 6.0 * u[3])


def _bokeh(palette: Palette, u: Sequence[float], grid: Uniform) -> Background:
    """Few lamps in the dark, out of focus."""
    lamp = grid[..., 3:] < 0.08 + 0.08 * u[3]
    cells = np.where(lamp, colours(replace(palette, value=(0.7, 1.0)), grid), palette.colour(u[:3]))
    size = 6 + 6 * u[4]
    return Background(cells, (size, size), _offset(grid), 1.4)


def _stripes(palette: Palette, u: Sequence[float], grid: Uniform) -> Background:
    """Upright bands, as of blinds before a bright window."""
    bands = np.where((np.arange(GRID) % 2 == 0)[:, None], 1, 0.25 + 0.3 * u[3]) * (0.85 + 0.15 * grid[:, 0, 3:])
    return Background(_full(palette.colour(u[:3]) * bands[None]), (1, 6 + 9 * u[4]), _offset(grid), 4.0)


def _patchwork(palette: Palette, u: Sequence[float], grid: Uniform) -> Background:
    """Large fields of saturated colour with hard edges."""
    size = 2.5 + 3 * u[4]
    return Background(colours(palette, grid), (size, size), _offset(grid), 12.0)


def _shelves(palette: Palette, u: Sequence[float], grid: Uniform) -> Background:
    """Racks: dark boards across, boxes of many colours between them, gaps in the rows."""
    cells = colours(palette, grid) * (grid[..., 3:] < 0.8)
    cells[::3] = palette.colour(u[:3]) * np.float32(0.25)
    size = 7 + 4 * u[4]
    return Background(cells.astype(np.float32), (size, size * 1.4), _offset(grid), 3.0)


def _offset(grid: Uniform) -> tuple[float, float]:
    return float(grid[0, 0, 0] * GRID), float(grid[0, 0, 1] * GRID)


KINDS: dict[str, Callable[[Palette, Sequence[float], Uniform], Background]] = {
    "gradient": _gradient,
    "tiles": _tiles,
    "noise": _noise,
    "blobs": _blobs,
    "mosaic": _mosaic,
    "bokeh": _bokeh,
    "stripes": _stripes,
    "patchwork": _patchwork,
    "shelves": _shelves,
}
