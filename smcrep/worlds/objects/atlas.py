"""Assembles parts into one object: joined, scaled, centred, and textured from one atlas."""

import math
from collections.abc import Sequence

import numpy as np

from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.objects.shapes import Part
from smcrep.worlds.objects.textures import palette, surface

TEXTURE_SIZE = 128
SMALLEST_AREA = 1e-13
"""Square metres; a triangle below it (a side of 0.3 micrometres) is lost in float32 and is dropped."""


def assemble(
    name: str, family: str, parts: Sequence[Part], largest_extent_m: float, rng: np.random.Generator
) -> ObjectModel:
    """The object made of ``parts`` (in any unit), scaled so that the largest side of its bounding box is
    ``largest_extent_m``; every material gets a new surface from ``rng`` in its own region of the texture."""
    vertices = np.concatenate([part.vertices for part in parts])
    first = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
    faces = np.concatenate([part.faces + start for part, start in zip(parts, first, strict=True)])
    low, high = vertices.min(0), vertices.max(0)
    vertices = ((vertices - (low + high) / 2) * (largest_extent_m / (high - low).max())).astype(np.float32)

    materials = sorted({part.material for part in parts})
    regions = _regions(len(materials))
    theme = palette(rng, 5)
    texture = np.zeros((TEXTURE_SIZE, TEXTURE_SIZE, 3), np.uint8)
    for left, bottom, width, height in regions:
        texture[bottom : bottom + height, left : left + width] = surface(rng, height, width, theme)
    uv = []
    for part in parts:
        left, bottom, width, height = regions[materials.index(part.material)]
        # From the middle of the first texel to the middle of the last: no colour leaks in from the next region.
        uv.append((part.uv * [width - 1, height - 1] + [left + 0.5, bottom + 0.5]) / TEXTURE_SIZE)

    kept = face_areas(vertices, faces) > SMALLEST_AREA
    used, corner = np.unique(faces[kept], return_inverse=True)
    return ObjectModel(
        name,
        family,
        vertices[used],
        corner.reshape(-1, 3).astype(np.int32),
        np.concatenate(uv)[kept].astype(np.float32),
        np.ascontiguousarray(texture[::-1]),
    )


def face_areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """float64 [f]: area of each triangle, in the square of the vertices' unit."""
    a, b, c = vertices.astype(np.float64)[faces.T]
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def _regions(num: int) -> list[tuple[int, int, int, int]]:
    """(left, bottom, width, height) in texels of ``num`` cells that tile the texture."""
    rows = math.isqrt(num - 1) + 1 if num > 2 else 1
    cells = []
    for row in range(rows):
        columns = (num - row + rows - 1) // rows
        bottom, top = row * TEXTURE_SIZE // rows, (row + 1) * TEXTURE_SIZE // rows
        for column in range(columns):
            left, right = column * TEXTURE_SIZE // columns, (column + 1) * TEXTURE_SIZE // columns
            cells.append((left, bottom, right - left, top - bottom))
    return cells
