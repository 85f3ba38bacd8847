"""Draws views: backgrounds, tables, and objects with one ray cast for each model; then what the sensor reads."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.casting import cast
from smcrep.worlds.rendering.prepared import prepared
from smcrep.worlds.rendering.readings import read
from smcrep.worlds.rendering.scenery import Light
from smcrep.worlds.rendering.shading import paint
from smcrep.worlds.rendering.table import draw_backgrounds, draw_tables, shadows, texels_from_world
from smcrep.worlds.rendering.view import BACKGROUND, FIRST_OBJECT, TABLE, Frames, View

Colour = NDArray[np.float32]  # [v, h, w, 3], linear light


def draw(views: Sequence[View], frames: Frames, num_threads: int) -> None:
    """Fills ``frames``, whose clean depth comes as inf, normals and segmentation as 0."""
    colour = np.empty((*frames.depth.shape, 3), np.float32)
    draw_backgrounds([view.scenery for view in views], colour)
    _draw_tables(views, frames, colour)
    _draw_objects(views, frames, colour, num_threads)
    np.copyto(frames.clean_depth, 0, where=frames.segmentation == BACKGROUND)
    for i, view in enumerate(views):
        scenery = view.scenery
        read(colour[i], frames.clean_depth[i], scenery.noise, scenery.seed, frames.rgb[i], frames.depth[i])


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
    draw_tables([view.camera for view in views], sceneries, shown, diameters, shade, frames.clean_depth, colour)
    frames.segmentation[frames.clean_depth < np.inf] = TABLE


def _draw_objects(views: Sequence[View], frames: Frames, colour: Colour, num_threads: int) -> None:
    """One cast for each object model with all its placements; the nearest hit of a pixel is kept."""
    placements: dict[tuple[ObjectModel, int], list[tuple[int, int]]] = {}
    for i, view in enumerate(views):
        for j, object in enumerate(view.objects):
            copy = sum(other is object for other in view.objects[:j])  # one pixel may hold two placements of a model
            placements.setdefault((object, copy), []).append((i, j))
    cameras = [view.camera for view in views]
    depth, segmentation = frames.clean_depth.reshape(-1), frames.segmentation.reshape(-1)
    flat_colour, normals = colour.reshape(-1, 3), frames.normals.reshape(-1, 3)
    T_camera_world = np.stack([camera.T_camera_world for camera in cameras])
    focal_px = np.array([camera.focal_px for camera in cameras], np.float32)
    towards = _towards([view.scenery.light for view in views], T_camera_world.astype(np.float32))
    strengths = _strengths([view.scenery.light for view in views])
    for (object, _), pairs in placements.items():
        made = prepared(object)
        of_view, slot = np.array(pairs).T
        T_camera_object = T_camera_world[of_view] @ np.stack([views[i].poses[j] for i, j in pairs])
        hits = cast(made.scene, made.boxes, cameras, of_view, T_camera_object, depth, num_threads=num_threads)
        R_camera_object = T_camera_object[:, :3, :3].astype(np.float32)
        paint(
            *made.texture.arguments,
            *(hits.rays, hits.start, hits.pixel, hits.depth, hits.face, hits.barycentric, hits.normal),
            (FIRST_OBJECT + slot).astype(np.uint8),
            focal_px[of_view],
            R_camera_object,
            towards[of_view] @ R_camera_object,
            strengths[of_view],
            *(depth, segmentation, flat_colour, normals),
        )


def _towards(lights: Sequence[Light], T_camera_world: Colour) -> Colour:
    """float32 [v, 3, 3], rows in the frame of each camera: the light, half way between it and the viewer, and up."""
    direction = np.stack([light.direction for light in lights]).astype(np.float32)
    towards_light = T_camera_world[:, :3, :3] @ direction[:, :, None]
    half = towards_light - np.array([[0], [0], [1]], np.float32)  # the viewer taken as far away, along -z
    half /= np.sqrt((half * half).sum(1, keepdims=True)) + np.float32(1e-6)
    return np.concatenate([towards_light, half, T_camera_world[:, :3, 2:3]], 2).swapaxes(1, 2)


def _strengths(lights: Sequence[Light]) -> Colour:
    """float32 [v, 4, 3], see `shading.paint`."""
    key, sky, ground = np.array([(of.key, of.sky, of.ground) for of in lights], np.float32).swapaxes(0, 1)
    specular = np.array([of.specular for of in lights], np.float32)[:, None]
    return np.stack([key, (sky - ground) / 2, (sky + ground) / 2, specular * key], 1)
