"""What casting and shading need of an object, made at its first use and kept as long as there is room."""

from dataclasses import dataclass

import numpy as np
import open3d as o3d
from numpy.typing import NDArray

from smcrep.worlds.objects.cache import ByteCache
from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.casting import SCENE_BYTES_OF_FACE, boxes, scene
from smcrep.worlds.rendering.texture import Texture, prepare

MAX_CACHED_BYTES = 1 << 30
"""Of a process: 64 scans of 16,000 faces and 1,024 x 1,024 texels take 0.8 GB, those of procedural objects 50 MB, an
object of 4,096 x 4,096 texels 140 MB. What has no place is made again at its next use."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """The object itself is held too, so its bytes count here."""

    object: ObjectModel
    scene: o3d.t.geometry.RaycastingScene
    boxes: NDArray[np.float32]
    texture: Texture

    @property
    def nbytes(self) -> int:
        scene_bytes = len(self.object.faces) * SCENE_BYTES_OF_FACE
        return self.object.nbytes + scene_bytes + self.boxes.nbytes + self.texture.nbytes


_CACHE: ByteCache[Prepared] = ByteCache(MAX_CACHED_BYTES, lambda made: made.nbytes)


def prepared(object: ObjectModel) -> Prepared:
    """By identity: another object of equal arrays is prepared by itself."""
    return _CACHE.get(object, lambda: Prepared(object, scene(object), boxes(object), prepare(object)))
