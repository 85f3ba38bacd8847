"""Renders what a camera senses of a state: colour, depth, normals and segmentation from one ray cast."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from smcrep.worlds.rendering.view import FIRST_OBJECT, Frames, View

__all__ = ["CHUNK_PIXELS", "FIRST_OBJECT", "Frames", "View", "render"]

CHUNK_PIXELS = 32 * 64 * 64  # images of this many pixels are shaded together: their arrays fit a core's cache


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
    from smcrep.worlds.rendering.drawing import draw  # Open3D and numba: only where something is rendered

    step = max(1, CHUNK_PIXELS // (shape[1] * shape[2]))
    for i in range(0, len(views), step):
        part = slice(i, i + step)
        draw(views[part], Frames(*(getattr(frames, f.name)[part] for f in fields(Frames))), num_threads)
    return frames
