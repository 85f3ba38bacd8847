"""Scenes of several objects on a table, for what has to choose among them: pictures with the mask of each object."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smcrep.geometry.rotations import axis_rotation
from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.environment import Environment
from smcrep.worlds.rendering.sensors import FIRST_OBJECT, View, render

GAP = 1.1
"""Two objects are at least so many times the sum of their radii apart."""
STEP_M = 0.01
"""By which a place is moved outwards until its object is far enough from all others."""
FLAT = 0.85
"""Of the sphere about all objects a camera that looks down sees so much: they lie on a disc."""
MIN_VISIBLE = 1 / 2048
"""Share of the pixels that must show each object (32 of 256 x 256)."""
MAX_ATTEMPTS = 50


@dataclass(frozen=True, eq=False)
class Scene:
    """picture uint8 [h, w, 3]; masks bool [k, h, w]: where each object is seen. No pixel shows two."""

    picture: np.ndarray
    masks: np.ndarray


def sample_scene(
    objects: Sequence[ObjectModel], environment: Environment, rng: np.random.Generator, size: int = 256
) -> Scene:
    """``objects`` upright on one table, apart, before a camera of ``environment``, with a square image of ``size``
    pixels. Drawn anew until each is seen; ValueError where that does not happen."""
    order = np.argsort([-each.diameter for each in objects])  # a view's first object decides how wide the table is
    for _ in range(MAX_ATTEMPTS):
        frames = render([_view([objects[i] for i in order], environment, rng, size)], normals=False)
        labels = FIRST_OBJECT + np.argsort(order)
        masks = frames.segmentation[0] == labels[:, None, None]
        if masks.mean((1, 2)).min() >= MIN_VISIBLE:
            return Scene(frames.rgb[0], masks)
    names = ", ".join(each.name for each in objects)
    raise ValueError(f"scene: one of {names} was out of sight in {MAX_ATTEMPTS} draws; give fewer or larger objects")


def _view(objects: Sequence[ObjectModel], environment: Environment, rng: np.random.Generator, size: int) -> View:
    radii = np.array([np.hypot(*each.half_extents[:2]) for each in objects])
    places = sample_places(radii, rng)
    poses = np.tile(np.eye(4), (len(objects), 1, 1))
    for pose, each, place in zip(poses, objects, places, strict=True):
        pose[:3, :3] = axis_rotation("z", rng.uniform(0, 2 * np.pi))
        pose[:3, 3] = *place, each.half_extents[2]
    extent_m = 2 * FLAT * float((np.linalg.norm(places, axis=1) + radii).max())
    middle = np.array([0, 0, np.mean([each.half_extents[2] for each in objects])])
    camera = environment.sample_camera(rng, middle, extent_m, size)
    return View(tuple(objects), poses, camera, environment.sample_scenery(rng))


def sample_places(radii_m: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float64 [k, 2], metres: centres of discs on the table, close together but apart, the middle of their bounding box
    in the origin. In random order, each is moved from there in a direction of its own until it is free."""
    places, placed = np.zeros((len(radii_m), 2)), list[int]()
    for i in rng.permutation(len(radii_m)):
        azimuth, away_m = rng.uniform(0, 2 * np.pi), 0.0
        while any(np.linalg.norm(places[i] - places[j]) < GAP * (radii_m[i] + radii_m[j]) for j in placed):
            away_m += STEP_M
            places[i] = away_m * np.cos(azimuth), away_m * np.sin(azimuth)
        placed.append(i)
    low, high = (places - radii_m[:, None]).min(0), (places + radii_m[:, None]).max(0)
    return places - (low + high) / 2
