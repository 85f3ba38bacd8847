"""What is rendered, and what becomes of it: a view of a state, and images of views."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.camera import Camera
from smcrep.worlds.rendering.scenery import Scenery

BACKGROUND, TABLE, FIRST_OBJECT = 0, 1, 2


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
