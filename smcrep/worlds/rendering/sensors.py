"""Renders what a camera senses of a state: colour, depth, normals and segmentation from one ray cast."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.camera import Camera
from smcrep.worlds.rendering.casting import cast
from smcrep.worlds.rendering.noise import noisy_depth, noisy_rgb
from smcrep.worlds.rendering.scenery import Scenery, background_images
from smcrep.worlds.rendering.shading import look_up, rotated, shade, texture
from smcrep.worlds.rendering.table import shade_table, shadows, texels_from_world

Colour = NDArray[np.float32]  # [3, v, h, w], linear light
BACKGROUND, TABLE, FIRST_OBJECT = 0, 1, 2
CHUNK_PIXELS = 32 * 64 * 64  # images of this many pixels are shaded together: their arrays fit a core's cache


@dataclass(frozen=True, eq=False)
class View:
    """``objects`` with their ``poses`` T_world_object float64 [o, 4, 4], before a camera; ``table`` False where a
    fixture holds the object in the air (`State.support` is "hand")."""

    objects: tuple[ObjectModel, ...]
    poses: NDArray[np.float64]
    camera: Camera
    scenery: Scenery
    table: bool = True


@dataclass(frozen=True, eq=False)
class Frames:
    """Images of v views.

    rgb           uint8 [v, h, w, 3]
    depth         float32 [v, h, w], metres along z as the sensor reads it, 0 where it reads nothing
    clean_depth   float32 [v, h, w], free of noise; 0 where there is nothing
    normals       float32 [v, h, w, 3] of objects, unit, camera frame, towards the camera; 0 elsewhere; [v, h, w, 0]
                  where they are not requested
    segmentation  uint8 [v, h, w]: 0 background, 1 table, 2 + i the view's object i
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    clean_depth: NDArray[np.float32]
    normals: NDArray[np.float32]
    segmentation: NDArray[np.uint8]


def render(views: Sequence[View], *, normals: bool = True, num_threads: int = 1) -> Frames:
    """Frames of ``views``, whose cameras share one image size. A frame does not depend on the other views, to the
    bit. Put views of one object next to each other: those of a chunk share a cast.

    ``num_threads`` of the cast (0: all cores); keep 1 where processes already use all cores.
    """
    if not views:
        raise ValueError("render: there are no views; give at least one")
    sizes = {(view.camera.height, view.camera.width) for view in views}
    if len(sizes) > 1:
        raise ValueError(f"render: cameras have image sizes {sorted(sizes)}; render each size by itself")
    shape = (len(views), *sizes.pop())
    frames = Frames(
        rgb=np.empty((*shape, 3), np.uint8),
        depth=np.empty(shape, np.float32),
        clean_depth=np.full(shape, np.inf, np.float32),
        normals=np.zeros((*shape, 3 if normals else 0), np.float32),
        segmentation=np.zeros(shape, np.uint8),
    )
    step = max(1, CHUNK_PIXELS // (shape[1] * shape[2]))
    for i in range(0, len(views), step):
        part = slice(i, i + step)
        _render(views[part], Frames(*(getattr(frames, f.name)[part] for f in fields(Frames))), num_threads)
    return frames


def _render(views: Sequence[View], frames: Frames, num_threads: int) -> None:
    """Fills ``frames``, whose depth comes as inf, normals and segmentation as 0."""
    height, width = frames.depth.shape[1:]
    colour = background_images([view.scenery.background for view in views], height, width)
    _draw_tables(views, frames, colour)
    _draw_objects(views, frames, colour, num_threads)
    np.copyto(frames.clean_depth, 0, where=frames.segmentation == BACKGROUND)
    _sense(views, frames, colour)


def _draw_tables(views: Sequence[View], frames: Frames, colour: Colour) -> None:
    shown = np.array([view.table for view in views])
    if not shown.any():
        return
    sceneries = [view.scenery for view in views]
    diameters = np.array([view.objects[0].diameter for view in views])
    i, j = np.array([(i, j) for i, view in enumerate(views) for j in range(len(view.objects))]).T
    shade = np.zeros((len(views), j.max() + 1, 6), np.float32)
    shade[..., 5] = 1  # where there is no object, all is lit
    shade[i, j] = shadows(
        np.concatenate([view.poses for view in views]),
        np.stack([object.half_extents for view in views for object in view.objects]),
        np.stack([scenery.light.direction for scenery in sceneries])[i],
        texels_from_world(sceneries, diameters)[i],
    )
    depth, planes = shade_table([view.camera for view in views], sceneries, shown, diameters, shade)
    on_table = depth < np.inf
    frames.clean_depth[:], frames.segmentation[:] = depth, on_table
    for channel, plane in enumerate(planes):
        np.copyto(colour[channel], plane, where=on_table)


def _draw_objects(views: Sequence[View], frames: Frames, colour: Colour, num_threads: int) -> None:
    """One cast for each object model with all its placements; the nearest hit of a pixel is kept."""
    placements: dict[tuple[ObjectModel, int], list[tuple[int, int]]] = {}
    for i, view in enumerate(views):
        for j, object in enumerate(view.objects):
            copy = sum(other is object for other in view.objects[:j])  # one pixel may hold two placements of a model
            placements.setdefault((object, copy), []).append((i, j))
    cameras = [view.camera for view in views]
    depth, segmentation = frames.clean_depth.reshape(-1), frames.segmentation.reshape(-1)
    for (object, _), pairs in placements.items():
        of_view, slot = np.array(pairs).T
        T_camera_world = np.stack([cameras[i].T_camera_world for i in of_view])
        T_camera_object = T_camera_world @ np.stack([views[i].poses[j] for i, j in pairs])
        hits = cast(object, cameras, of_view, T_camera_object, num_threads=num_threads)
        hits = hits.keep(hits.depth < depth[hits.pixel])
        depth[hits.pixel] = hits.depth
        segmentation[hits.pixel] = np.repeat((FIRST_OBJECT + slot).astype(np.uint8), np.diff(hits.start))
        footprint_m = T_camera_object[:, 2, 3] / np.array([cameras[i].focal_px for i in of_view])
        R_camera_object = T_camera_object[:, :3, :3].astype(np.float32)
        planes = shade(
            look_up(texture(object), hits, footprint_m),
            hits,
            [views[i].scenery.light for i in of_view],
            T_camera_world.astype(np.float32),
            R_camera_object,
        )
        for channel, plane in enumerate(planes):
            colour[channel].reshape(-1)[hits.pixel] = plane
        if frames.normals.size:
            frames.normals.reshape(-1, 3)[hits.pixel] = rotated(hits, R_camera_object).T


def _sense(views: Sequence[View], frames: Frames, colour: Colour) -> None:
    """Fills in the readings of the sensor, given linear colours and true depths."""
    np.sqrt(colour, out=colour)
    for i, view in enumerate(views):
        noise, rng = view.scenery.noise, np.random.default_rng(view.scenery.seed)
        frames.depth[i] = noisy_depth(frames.clean_depth[i], noise, rng)
        image = noisy_rgb(colour[:, i], noise, rng) * np.float32(255)
        image += np.float32(0.5)
        np.clip(image, 0, 255, out=image)
        for channel, plane in enumerate(image.astype(np.uint8)):
            frames.rgb[i, ..., channel] = plane
