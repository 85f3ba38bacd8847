"""Point clouds: the part of an object that a camera sees."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smcrep.worlds.rendering.camera import Camera
from smcrep.worlds.rendering.sensors import FIRST_OBJECT, Frames


def visible_pixels(frames: Frames) -> NDArray[np.int64]:
    """int64 [v]: pixels of each view that read a depth of object 0; `partial_cloud` needs at least one."""
    return ((frames.segmentation == FIRST_OBJECT) & (frames.depth > 0)).sum((1, 2))


def partial_cloud(
    frames: Frames, cameras: Sequence[Camera], num_points: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """What each camera sees of object 0: float32 [v, n, 3], metres, camera frame, from the noisy depth. Pixels are
    drawn without replacement where there are enough, else each is taken once and the rest are drawn again."""
    from smcrep.worlds.rendering.picking import pick  # numba: only where something is rendered

    cloud = np.empty((len(cameras), num_points, 3), np.float32)
    seen = (frames.segmentation == FIRST_OBJECT) & (frames.depth > 0)
    uniform = rng.random((len(cameras), num_points))
    for i, camera in enumerate(cameras):
        if not pick(seen[i], frames.depth[i], *camera.slopes, uniform[i], cloud[i]):
            raise ValueError(
                f"partial_cloud: view {i} sees no pixel of object 0; keep views whose `visible_pixels` are above 0"
            )
    return cloud
