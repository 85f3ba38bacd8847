"""What a camera sees of a complete point cloud: rotation into its frame, and removal of hidden points."""

import numpy as np
from scipy.spatial import ConvexHull

from smcrep.geometry.rotations import look_rotation, spherical_direction


def looking_from(azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    """R_camera_world [3, 3] of an upright camera (x right, y down, z forward) that looks at the origin of a world with
    z up, from ``azimuth_deg`` (counted from x towards y) and ``elevation_deg`` (below 90)."""
    azimuth, elevation = np.radians([azimuth_deg, elevation_deg])
    return look_rotation(-spherical_direction(azimuth, elevation)).T.copy()


def visible_points(cloud: np.ndarray, radius: float = 100.0) -> np.ndarray:
    """Rows of ``cloud`` [n, 3] (camera frame) seen from the origin: hidden-point removal (Katz, Tal & Basri, SIGGRAPH
    2007). Points are flipped about a sphere of ``radius`` times the farthest distance; those on the convex hull of
    themselves and the camera are seen."""
    distance = np.linalg.norm(cloud, axis=1, keepdims=True)
    if not distance.min() > 0:
        raise ValueError("visible_points: a point lies in the camera, or is not finite; place the cloud in front of it")
    flipped = cloud * (2 * radius * distance.max() / distance - 1)
    hull = ConvexHull(np.concatenate([flipped, np.zeros((1, 3))]))
    return np.sort(hull.vertices[hull.vertices < len(cloud)])
