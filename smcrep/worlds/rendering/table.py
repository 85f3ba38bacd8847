"""What is behind the objects: the background, and the table in closed form with its pattern and their shadows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smcrep.geometry.rotations import axis_rotation
from smcrep.worlds.rendering.camera import Camera
from smcrep.worlds.rendering.compiled import compiled
from smcrep.worlds.rendering.scenery import GRID, PATTERN_SIZE, Scenery, pattern

Floats = NDArray[np.floating]
SHADOW = (0.8, 1.4)  # the shadow of an object's ellipsoid is full inside the first radius and none beyond the second
THINNEST = 0.05  # a flat object casts its shadow as if this share of its longest side thick
FAR_M = np.float32(1e5)  # where a ray runs along the table
SIZE = PATTERN_SIZE


def draw_backgrounds(sceneries: Sequence[Scenery], colour: Floats) -> None:
    """Into ``colour`` float32 [v, h, w, 3], linear."""
    for scenery, image in zip(sceneries, colour, strict=True):
        of = scenery.background
        height, width = image.shape[:2]
        rows, columns = (
            _cells(span, offset, np.float32(of.sharpness), size)
            for span, offset, size in zip(of.span, of.offset, (height, width), strict=True)
        )
        _blend(np.ascontiguousarray(of.grid, np.float32), *rows, *columns, image)


@compiled
def _cells(span, offset, sharpness, size):
    """(cell int64 [size], mix float32 [size]) of the pixels along an axis: the share ``mix`` of the next cell."""
    cell, mix = np.empty(size, np.int64), np.empty(size, np.float32)
    for i in range(size):
        at = offset + span * ((i + 0.5) / size)
        below = np.floor(at)
        cell[i] = int(below) % GRID
        mix[i] = min(max(0.5 + sharpness * (at - below - 0.5), 0.0), 1.0)
    return cell, mix


@compiled
def _blend(grid, row_cell, row_mix, column_cell, column_mix, image):
    line, one = np.empty((GRID, 3), np.float32), np.float32(1)
    for i in range(len(row_cell)):
        upper, lower = grid[row_cell[i]], grid[(row_cell[i] + 1) % GRID]
        for cell in range(GRID):
            for k in range(3):
                line[cell, k] = (one - row_mix[i]) * upper[cell, k] + row_mix[i] * lower[cell, k]
        for j in range(len(column_cell)):
            here, right, mix = column_cell[j], (column_cell[j] + 1) % GRID, column_mix[j]
            for k in range(3):
                image[i, j, k] = (one - mix) * line[here, k] + mix * line[right, k]


def draw_tables(
    cameras: Sequence[Camera],
    sceneries: Sequence[Scenery],
    shown: NDArray[np.bool_],
    diameters: NDArray[np.float64],
    shade: Floats,
    depth: Floats,
    colour: Floats,
) -> None:
    """Bare tables where ``shown`` [v], into ``depth`` [v, h, w] (nothing is drawn where there is none) and linear
    ``colour`` [v, h, w, 3]. ``diameters`` [v] are those of the objects acted on, metres; ``shade`` [v, o, 6] comes from
    `shadows`."""
    T_texels_world = texels_from_world(sceneries, diameters)
    for i in np.flatnonzero(shown).tolist():
        table, light = sceneries[i].table, sceneries[i].light
        x, y = cameras[i].slopes
        key = table.colour * light.key * max(light.direction[2], 0)
        sky = table.colour * light.sky
        _draw_table(
            x,
            y,
            (T_texels_world[i] @ cameras[i].T_world_camera).astype(np.float32),
            np.float32((PATTERN_SIZE * table.radius / table.period) ** 2),
            np.ascontiguousarray(shade[i], np.float32),
            pattern(table.pattern),
            np.float32(table.contrast - 1),
            np.stack([key, sky]).astype(np.float32),
            depth[i],
            colour[i],
        )


@compiled
def _draw_table(x, y, T_texels_camera, radius2, shade, pattern, contrast, light, depth, colour):
    """``light`` float32 [2, 3]: what a white, flat, lit table reflects of the lamp, and of the sky."""
    T = T_texels_camera
    for i in range(len(y)):
        for j in range(len(x)):
            z = T[2, 0] * x[j] + (T[2, 1] * y[i] + T[2, 2])
            away = -T[2, 3] / z
            if not (away > 0 and away < FAR_M):
                continue
            at_x = (T[0, 0] * x[j] + (T[0, 1] * y[i] + T[0, 2])) * away + T[0, 3]
            at_y = (T[1, 0] * x[j] + (T[1, 1] * y[i] + T[1, 2])) * away + T[1, 3]
            if not at_x * at_x + at_y * at_y < radius2:
                continue
            lit = np.float32(1)
            for q in shade:
                near = at_x * (q[0] * at_x + q[1] * at_y + q[3]) + (at_y * (q[2] * at_y + q[4]) + q[5])
                lit *= min(max(near, np.float32(0)), np.float32(1))
            reflected = np.float32(1) + contrast * pattern[int(np.floor(at_x)) % SIZE, int(np.floor(at_y)) % SIZE]
            depth[i, j] = away
            for k in range(3):
                colour[i, j, k] = reflected * (lit * light[0, k] + light[1, k])


def texels_from_world(sceneries: Sequence[Scenery], diameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Affine maps [v, 4, 4] from the world to the table's pattern: x and y in texels, z left in metres."""
    angle = np.array([s.table.angle for s in sceneries])
    scale = PATTERN_SIZE / (np.array([s.table.period for s in sceneries]) * diameters)
    out = np.tile(np.eye(4), (len(sceneries), 1, 1))
    out[:, :2, :2] = axis_rotation("z", -angle)[:, :2, :2] * scale[:, None, None]
    return out


def shadows(
    T_world_object: NDArray[np.float64],
    half_extents: Floats,
    towards_light: Floats,
    T_texels_world: NDArray[np.float64],
) -> Floats:
    """float32 [n, 6], for n objects: coefficients of x², xy, y², x, y, 1 (x and y in texels of the table) in how lit a
    point is by an object: 0 and less in its shadow, 1 and more outside.

    It grows linearly with the squared distance between the object's centre and the ray from the point ``towards_light``
    [n, 3], in units of the object's ellipsoid.
    """
    radii = np.maximum(half_extents, THINNEST * half_extents.max(1, keepdims=True))
    A = T_world_object[:, :3, :3].swapaxes(1, 2) / radii[:, :, None]
    d = (A @ towards_light[:, :, None])[..., 0]
    A = A @ np.linalg.inv(T_texels_world[:, :3, :3])
    across = np.eye(3) - d[:, :, None] * d[:, None] / (d * d).sum(1)[:, None, None]
    Q = A.swapaxes(1, 2) @ across @ A
    centre = T_texels_world[:, :3, :3] @ T_world_object[:, :3, 3:]
    linear = -2 * (Q @ centre)[..., 0]
    inner, outer = SHADOW[0] ** 2, SHADOW[1] ** 2
    constant = -(linear * centre[..., 0]).sum(1) / 2 - inner
    squared = np.stack([Q[:, 0, 0], 2 * Q[:, 0, 1], Q[:, 1, 1], linear[:, 0], linear[:, 1], constant], 1)
    return (squared / (outer - inner)).astype(np.float32)
