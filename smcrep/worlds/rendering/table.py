"""The table in closed form: where rays meet its plane, its pattern, and the shadows of objects on it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smcrep.geometry.rotations import axis_rotation
from smcrep.worlds.rendering.camera import Camera
from smcrep.worlds.rendering.scenery import PATTERN_SIZE, Scenery, pattern

Floats = NDArray[np.floating]
SHADOW = (0.8, 1.4)  # the shadow of an object's ellipsoid is full inside the first radius and none beyond the second
THINNEST = 0.05  # a flat object casts its shadow as if this share of its longest side thick
FAR_M = 1e5
_POSITIVE = 2**20  # texels, a multiple of PATTERN_SIZE: makes coordinates positive, so that truncation rounds down


def shade_table(
    cameras: Sequence[Camera],
    sceneries: Sequence[Scenery],
    shown: NDArray[np.bool_],
    diameters: NDArray[np.float64],
    shade: Floats,
) -> tuple[Floats, list[Floats]]:
    """Depth [v, h, w] (inf outside the table) and red, green and blue, each [v, h, w], of bare tables, where ``shown``
    [v]. ``diameters`` [v] are those of the objects acted on, metres; ``shade`` [v, o, 6] comes from `shadows`."""
    x, y = (np.stack(slopes) for slopes in zip(*(camera.slopes for camera in cameras), strict=True))
    pose = np.stack([camera.T_world_camera for camera in cameras])
    pose = (texels_from_world(sceneries, diameters) @ pose).astype(np.float32)[..., None, None]
    ray_x, ray_y, ray_z = (
        pose[:, i, 0] * x[:, None] + (pose[:, i, 1] * y[..., None] + pose[:, i, 2]) for i in range(3)
    )
    with np.errstate(divide="ignore"):
        depth = np.divide(-pose[:, 2, 3], ray_z, out=ray_z)
    depth[~((depth > 0) & (depth < FAR_M))] = FAR_M  # the ray leaves the plane, or runs along it
    at_x, at_y = np.multiply(ray_x, depth, out=ray_x), np.multiply(ray_y, depth, out=ray_y)
    at_x += pose[:, 0, 3]
    at_y += pose[:, 1, 3]
    radius = np.array([PATTERN_SIZE * s.table.radius / s.table.period for s in sceneries]) * shown
    beside = at_x * at_x + at_y * at_y >= (radius**2).astype(np.float32)[:, None, None]
    depth[beside], at_x[beside], at_y[beside] = np.inf, 0, 0
    lit = np.ones_like(at_x)
    for q in np.moveaxis(shade, 1, 0)[..., None, None]:
        near_light = at_x * (q[:, 0] * at_x + q[:, 1] * at_y + q[:, 3]) + (at_y * (q[:, 2] * at_y + q[:, 4]) + q[:, 5])
        lit *= np.minimum(np.maximum(near_light, 0, out=near_light), 1, out=near_light)
    reflected = _pattern(sceneries, at_x, at_y)
    reflected *= np.array([s.table.contrast - 1 for s in sceneries], np.float32)[:, None, None]
    reflected += 1
    lit *= reflected
    key = np.stack([s.table.colour * s.light.key * max(s.light.direction[2], 0) for s in sceneries])
    sky = np.stack([s.table.colour * s.light.sky for s in sceneries])
    colours = []
    for channel in range(3):
        colour = lit * key[:, channel, None, None].astype(np.float32)
        colour += reflected * sky[:, channel, None, None].astype(np.float32)
        colours.append(colour)
    return depth, colours


def texels_from_world(sceneries: Sequence[Scenery], diameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Affine maps [v, 4, 4] from the world to the table's pattern: x and y in texels, z left in metres."""
    angle = np.array([s.table.angle for s in sceneries])
    scale = PATTERN_SIZE / (np.array([s.table.period for s in sceneries]) * diameters)
    out = np.tile(np.eye(4), (len(sceneries), 1, 1))
    out[:, :2, :2] = axis_rotation("z", -angle)[:, :2, :2] * scale[:, None, None]
    return out


def _pattern(sceneries: Sequence[Scenery], x: Floats, y: Floats) -> Floats:
    """float32 [v, h, w] in [0, 1]: the pattern at texel coordinates x, y [v, h, w] (the nearest texel)."""
    at = (x + _POSITIVE).astype(np.int32) & (PATTERN_SIZE - 1)
    at *= PATTERN_SIZE
    at += (y + _POSITIVE).astype(np.int32) & (PATTERN_SIZE - 1)
    mix = np.empty_like(x)
    for i, scenery in enumerate(sceneries):
        np.take(pattern(scenery.table.pattern), at[i], out=mix[i], mode="wrap")
    return mix


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
