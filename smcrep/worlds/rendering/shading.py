"""Colours of the hits of rays: texture, Lambertian and ambient light, highlights.

All colours are linear light: the square of what a texture stores, whose square root is displayed. Colours and normals
are planes, [3, n]: numpy is slow where the innermost axis has three steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.casting import Hits
from smcrep.worlds.rendering.scenery import Light

Floats = NDArray[np.floating]
SHININESS_DOUBLINGS = 5  # highlights go with the 2^5th power of the cosine
SMALLEST_LEVEL = 8  # texels along the shorter side


@dataclass(frozen=True, eq=False)
class Texture:
    """A texture and its halvings, prepared for look-ups.

    texels   int32 [...]: all levels, flat, one after another; a texel is red + 256 green + 65536 blue
    offset   int64 [l] where each level begins; size int64 [l, 2] its rows and columns
    corner   float32 [f, 6]: texel coordinates (column, row) in level 0 of each face's first corner, then the edges to
             the second and to the third
    density  texels of level 0 per metre of surface
    """

    texels: NDArray[np.int32]
    offset: NDArray[np.int64]
    size: NDArray[np.int64]
    corner: Floats
    density: float


@lru_cache(maxsize=64)
def texture(object: ObjectModel) -> Texture:
    """The object's texture; the last 64 are cached (by identity)."""
    image = object.texture.astype(np.float32)
    if image.shape[1] == 1:
        image = np.repeat(image, 2, 1)  # so that every texel has a neighbour to its right or its left
    levels = []
    while True:
        red, green, blue = np.moveaxis(np.rint(image).astype(np.int32), 2, 0)
        levels.append(red + (green << 8) + (blue << 16))
        if min(image.shape[:2]) < 2 * SMALLEST_LEVEL:
            break
        if image.shape[0] % 2 or image.shape[1] % 2:
            image = np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)), "edge")
        image = (image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]) / 4
    height, width = object.texture.shape[:2]
    texel = object.uv * np.array([width, -height], np.float32) + np.array([0, height], np.float32)
    edges = texel[:, 1:] - texel[:, :1]
    corners = object.vertices[object.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum()
    texel_area = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]).sum()
    return Texture(
        texels=np.concatenate([level.ravel() for level in levels]),
        offset=np.cumsum([0, *(level.size for level in levels)])[:-1],
        size=np.array([level.shape for level in levels]),
        corner=np.concatenate([texel[:, 0], edges[:, 0], edges[:, 1]], 1),
        density=float(np.sqrt(texel_area / max(area, 1e-12))),
    )


def look_up(texture: Texture, hits: Hits, footprint_m: NDArray[np.float64]) -> list[Floats]:
    """Bilinear texture colours, linear light: red, green and blue, each float32 [n]. They come from the level whose
    texels are about as large as the ``footprint_m`` [e] of a pixel of each placement (level 0 alone would alias in
    small images)."""
    texels_per_pixel = np.maximum(texture.density * footprint_m, 1.0)
    level = np.minimum(np.log2(texels_per_pixel).astype(np.int64), len(texture.offset) - 1)
    counts = np.diff(hits.start)
    offset, width = np.repeat(texture.offset[level], counts), np.repeat(texture.size[level, 1], counts)
    scale = np.repeat((0.5**level).astype(np.float32), counts)
    last_row, last_column = np.repeat((texture.size[level].T - 1).astype(np.float32), counts, axis=1)
    corner, (u, v) = np.take(texture.corner, hits.face, 0).T, hits.barycentric
    column = (corner[0] + u * corner[2] + v * corner[4]) * scale - np.float32(0.5)
    row = (corner[1] + u * corner[3] + v * corner[5]) * scale - np.float32(0.5)
    column = np.minimum(np.maximum(column, 0), last_column)
    row = np.minimum(np.maximum(row, 0), last_row)
    left, top = np.minimum(column.astype(np.int64), width - 2), row.astype(np.int64)
    across, down = column - left.astype(np.float32), row - top.astype(np.float32)
    upper = offset + top * width + left
    lower = upper + width * (top < last_row)
    texels = [texture.texels[at] for at in (upper, upper + 1, lower, lower + 1)]
    lower_right = across * down
    weights = (1 - across - down + lower_right, across - lower_right, down - lower_right, lower_right)
    colours = []
    for shift in (0, 8, 16):
        mixed = sum(
            (texel >> shift & 255).astype(np.float32) * weight for texel, weight in zip(texels, weights, strict=True)
        )
        mixed *= np.float32(1 / 255)
        mixed *= mixed
        colours.append(mixed)
    return colours


def shade(
    albedo: Sequence[Floats], hits: Hits, lights: Sequence[Light], T_camera_world: Floats, R_camera_object: Floats
) -> list[Floats]:
    """Red, green and blue, each [n], of the hits of one object; lights, T_camera_world [e, 4, 4] and R_camera_object
    [e, 3, 3] belong to its placements."""
    direction = np.stack([light.direction for light in lights]).astype(np.float32)
    towards_light = T_camera_world[:, :3, :3] @ direction[:, :, None]
    half = towards_light - np.array([[0], [0], [1]], np.float32)  # the viewer taken as far away, along -z
    half /= np.sqrt((half * half).sum(1, keepdims=True)) + np.float32(1e-6)
    wanted = np.concatenate([towards_light, half, T_camera_world[:, :3, 2:3]], 2).swapaxes(1, 2) @ R_camera_object
    dots = rotated(hits, wanted)
    lambert, highlight = np.maximum(dots[:2], 0, out=dots[:2])
    for _ in range(SHININESS_DOUBLINGS):
        highlight *= highlight
    counts = np.diff(hits.start)
    per_light = np.stack(
        [
            [light.key, (light.sky - light.ground) / 2, (light.sky + light.ground) / 2, light.specular * light.key]
            for light in lights
        ]
    ).astype(np.float32)
    colours = []
    for channel, colour in enumerate(albedo):
        key, slope, ambient, specular = np.repeat(per_light[:, :, channel].T, counts, axis=1)
        colours.append(colour * (key * lambert + slope * dots[2] + ambient) + specular * highlight)
    return colours


def rotated(hits: Hits, R: Floats) -> Floats:
    """[3, n]: the matrix [e, 3, 3] of each placement times the normals of its hits."""
    out = np.empty((3, len(hits.pixel)), np.float32)
    for i in range(len(R)):
        # one product for each placement: its rounding then does not depend on what else is rendered
        chosen = slice(hits.start[i], hits.start[i + 1])
        np.matmul(R[i], hits.normal[:, chosen], out=out[:, chosen])
    return out
