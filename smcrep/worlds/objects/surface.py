"""What a reader of mesh files returns: triangles, and the one source of their colour."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Wrap = Literal["repeat", "mirror", "clamp"]


@dataclass(frozen=True, eq=False)
class Picture:
    """A texture image and what lies beyond its borders.

    pixels  uint8 [h, w, 3], row 0 at the top; [h, w, 4] where some of it is a hole (last channel 0) and not a colour
    wrap    along u and along v
    """

    pixels: np.ndarray
    wrap: tuple[Wrap, Wrap] = ("repeat", "repeat")


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles in the file's unit and axes. A picture with its ``uv`` is shown, else the colours, else plain grey.

    vertices  float64 [v, 3]
    faces     int64 [f, 3], in range
    colours   [f, 3, 3], sRGB from 0 to 255, of the corners of each face
    uv        float64 [f, 3, 2], origin bottom-left, of the corners of each face
    """

    vertices: np.ndarray
    faces: np.ndarray
    colours: np.ndarray | None = None
    picture: Picture | None = None
    uv: np.ndarray | None = None


def check_indices(faces: np.ndarray, num_vertices: int, what: str = "") -> None:
    """ValueError where a face names a vertex that is not there."""
    if faces.size and (faces.min() < 0 or faces.max() >= num_vertices):
        wrong = int(faces.max() if faces.max() >= num_vertices else faces.min())
        raise ValueError(f"has a face{what} that names vertex {wrong} of {num_vertices}; it is cut short or corrupt")


def check_number_of_faces(number: int, limit: int) -> None:
    if number > limit:
        raise ValueError(f"has {number} faces (limit {limit}); simplify it first")


def as_bytes(colours: np.ndarray, whole: bool, what: str, full: float | None = None) -> np.ndarray:
    """Colours of a file as sRGB from 0 to 255. ``full`` is the value of white where the type says so; else it is 1
    where no number is above 1 (and they are not ``whole``, of an integer type), 255, or 65535."""
    if not np.isfinite(colours).all() or (len(colours) and colours.min() < 0):
        raise ValueError(f"has colours of {what} that are negative or not finite; repair or remove them")
    highest = colours.max() if len(colours) else 0.0
    if full is None:
        full = 1.0 if highest <= 1 and not whole else 255.0 if highest <= 255 else 65535.0
    if highest > full or (full == 65535.0 and not whole):
        raise ValueError(f"has colours of {what} up to {highest:g}, of unknown range; export them from 0 to 255")
    return colours * (255.0 / full)
