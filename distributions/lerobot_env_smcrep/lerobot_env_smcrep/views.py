"""What a pinhole camera of a simulator sees, as smcrep takes it. Knows neither simulator nor LeRobot."""

import math

import numpy as np

from smcrep.data.readers.depth_clouds import Intrinsics, cloud_of_depth


def intrinsics(height_px: int, width_px: int, fovy_deg: float) -> Intrinsics:
    """Square pixels, the optical axis through the middle: f = h / (2 tan(fovy / 2)); pixel (0, 0) at its centre."""
    f = height_px / (2 * math.tan(math.radians(fovy_deg) / 2))
    return Intrinsics(f, f, (width_px - 1) / 2, (height_px - 1) / 2)


def upright(image: np.ndarray) -> np.ndarray:
    """An image [h, w, ...] of a camera that hangs head down, turned by 180 degrees about its axis."""
    return np.ascontiguousarray(image[::-1, ::-1])


def scene_cloud(depth_m: np.ndarray, fovy_deg: float, num_points: int, far_m: float) -> np.ndarray:
    """float32 [num_points, 3] metres, camera frame (x right, y down, z forward), evenly over the pixels of depth [h, w]
    along z that read less than ``far_m``; where those are fewer, they are repeated."""
    near = np.where(depth_m < far_m, depth_m, 0)
    height_px, width_px = depth_m.shape
    cloud = cloud_of_depth(near, intrinsics(height_px, width_px, fovy_deg), num_points)
    return cloud[np.arange(num_points) % len(cloud)]
