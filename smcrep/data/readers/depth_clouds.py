"""Depth images to clouds, by a pinhole camera."""

from dataclasses import dataclass

import numpy as np

NUM_POINTS = 1024
"""Of a cloud that is made of a depth image: evenly over its pixels. Encoders look at fewer."""


@dataclass(frozen=True)
class Intrinsics:
    """Pinhole camera of a depth image, pixels: u = fx x / z + cx, v = fy y / z + cy, pixel (0, 0) at its centre."""

    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.fx, self.fy, self.cx, self.cy]).all() and self.fx > 0 and self.fy > 0):
            raise ValueError(f"intrinsics {self}: give fx,fy,cx,cy in pixels, focal lengths above 0")


def cloud_of_depth(depth_m: np.ndarray, camera: Intrinsics, num_points: int = NUM_POINTS) -> np.ndarray:
    """float32 [at most num_points, 3] metres, camera frame (x right, y down, z forward), of depth [h, w] along z; 0 and
    what is not finite reads nothing. ValueError where nothing is read."""
    v, u = np.nonzero(np.isfinite(depth_m) & (depth_m > 0))
    if not len(u):
        raise ValueError("the depth image reads nothing")
    chosen = np.arange(min(num_points, len(u))) * len(u) // min(num_points, len(u))
    v, u = v[chosen], u[chosen]
    z = depth_m[v, u].astype(np.float32)
    return np.stack([(u - camera.cx) * z / camera.fx, (v - camera.cy) * z / camera.fy, z], 1).astype(np.float32)
