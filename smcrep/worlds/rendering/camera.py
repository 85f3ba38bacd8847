"""A pinhole camera: x right, y down, z forward; pixel (row, column) has its centre at (row + 0.5, column + 0.5)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smcrep.geometry.rotations import look_rotation

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Camera:
    """``T_world_camera`` float64 [4, 4], metres; ``fov_deg`` the vertical field of view; square pixels."""

    T_world_camera: Floats
    fov_deg: float
    width: int
    height: int

    def __post_init__(self) -> None:
        pose = np.asarray(self.T_world_camera, np.float64)
        if pose.shape != (4, 4) or not np.isfinite(pose).all():
            raise ValueError(f"Camera: T_world_camera has shape {pose.shape}; give a finite 4 x 4 rigid motion")
        if not 0 < self.fov_deg < 180:
            raise ValueError(f"Camera: fov_deg is {self.fov_deg}; give a vertical field of view in (0, 180) degrees")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"Camera: image is {self.width} x {self.height} pixels; give at least 1 x 1")
        object.__setattr__(self, "T_world_camera", pose)

    @cached_property
    def T_camera_world(self) -> Floats:
        return inverse(self.T_world_camera)

    @property
    def focal_px(self) -> float:
        return 0.5 * self.height / np.tan(np.radians(self.fov_deg) / 2)

    @cached_property
    def slopes(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """x / z of each column, float32 [w], and y / z of each row, float32 [h]."""
        x = (np.arange(self.width) + 0.5 - self.width / 2) / self.focal_px
        y = (np.arange(self.height) + 0.5 - self.height / 2) / self.focal_px
        return x.astype(np.float32), y.astype(np.float32)

    def rays(self) -> NDArray[np.float32]:
        """Directions in the camera's frame, float32 [h, w, 3], with z = 1: the parameter of a hit is its depth."""
        x, y = self.slopes
        rays = np.ones((self.height, self.width, 3), np.float32)
        rays[..., 0] = x
        rays[..., 1] = y[:, None]
        return rays

    def project(self, points: ArrayLike) -> Floats:
        """Pixel coordinates (column, row) float64 [..., 2] of points [..., 3] of the camera's frame, metres. NaN where
        z <= 0; a point seen in the middle of pixel (0, 0) is at (0.5, 0.5)."""
        points = np.asarray(points, np.float64)
        z = np.where(points[..., 2:] > 0, points[..., 2:], np.nan)
        return points[..., :2] / z * self.focal_px + np.array([self.width, self.height]) / 2

    def back_project(self, depth: ArrayLike) -> NDArray[np.float32]:
        """Points of the camera's frame, float32 [h, w, 3], of a depth image [h, w] in metres along z."""
        return self.rays() * np.asarray(depth, np.float32)[..., None]


def look_at(eye: ArrayLike, target: ArrayLike, up: ArrayLike = (0.0, 0.0, 1.0)) -> Floats:
    """T_world_camera float64 [4, 4] of a camera at ``eye`` that sees ``target`` in the middle, ``up`` towards the top
    of the image. Looking along ``up`` itself, the top of the image is world +y."""
    eye, target = np.asarray(eye, np.float64), np.asarray(target, np.float64)
    forward = target - eye
    distance = np.linalg.norm(forward)
    if not distance > 0:
        raise ValueError(f"look_at: eye and target are both {eye}; move the camera away from what it looks at")
    T_world_camera = np.eye(4)
    T_world_camera[:3, :3] = look_rotation(forward / distance, up)
    T_world_camera[:3, 3] = eye
    return T_world_camera


def inverse(T: Floats) -> Floats:
    """Inverse of rigid motions [..., 4, 4]."""
    rotation = np.swapaxes(T[..., :3, :3], -1, -2)
    out = np.zeros_like(T)
    out[..., :3, :3] = rotation
    out[..., :3, 3] = -(rotation @ T[..., :3, 3:])[..., 0]
    out[..., 3, 3] = 1
    return out
