"""Rotational symmetries of a shape, from its geometry: no observation shows a rotation that maps a shape to itself."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import KDTree

from smcrep.geometry.rotations import angle_degrees, nearest_rotation, rotation_grid
from smcrep.probes.inputs import finite

NUM_COARSE = 4096
NUM_REFINED = 64
NUM_STEPS = 20
COARSE_POINTS = 128


@dataclass(frozen=True)
class Symmetry:
    """The rotation about the centroid, by at least a given angle, that changes the shape least.

    add_s  mean distance of the rotated points to the nearest original ones, over the diameter of the shape.
    """

    add_s: float
    angle_deg: float
    rotation: np.ndarray  # float64 [3, 3]


def rotational_symmetry(points: np.ndarray, *, min_angle_deg: float = 30.0) -> Symmetry:
    """points float [n, 3], evenly spread over the surface, any unit.

    Searches a grid of rotations, then rotation-only ICP from the best ones. The floor of ``add_s``, for a perfect
    symmetry, is half the spacing of the points and not 0: near it for a ball, a cube or a can, well above for a mug.
    """
    if points.ndim != 2 or points.shape[1] != 3 or len(points) < 4 or not np.isfinite(points).all():
        raise ValueError(f"rotational_symmetry: points of shape {points.shape}; give at least 4 finite points [n, 3]")
    points = np.asarray(points, np.float64) - points.mean(0)
    tree, diameter = KDTree(points), largest_distance(points)
    if diameter == 0:
        raise ValueError("rotational_symmetry: all points coincide; give points of a surface")
    grid = rotation_grid(NUM_COARSE)
    grid = grid[angle_degrees(grid) >= min_angle_deg]
    few = points[np.linspace(0, len(points) - 1, min(COARSE_POINTS, len(points))).astype(int)]
    coarse = tree.query((few @ grid.swapaxes(1, 2)).reshape(-1, 3))[0].reshape(len(grid), -1).mean(1)
    best = Symmetry(np.inf, 0.0, np.eye(3))
    for rotation in grid[np.argsort(coarse)[:NUM_REFINED]]:
        for _ in range(NUM_STEPS):
            nearest = points[tree.query(points @ rotation.T)[1]]
            refined = nearest_rotation(torch.from_numpy(nearest.T @ points)).numpy()
            if angle_degrees(refined[None])[0] < min_angle_deg or np.allclose(refined, rotation, atol=1e-6):
                break
            rotation = refined
        add_s = float(tree.query(points @ rotation.T)[0].mean() / diameter)
        if add_s < best.add_s:
            best = Symmetry(add_s, float(angle_degrees(rotation[None])[0]), rotation)
    return best


class AddS:
    """`add_s` of one surface, whose tree is built once."""

    def __init__(self, points: np.ndarray) -> None:
        finite("add_s", surface=points)
        self.points = np.asarray(points, np.float64) - np.mean(points, 0)
        self.tree, self.diameter = KDTree(self.points), largest_distance(self.points)

    def __call__(self, predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
        """float64 [q], of rotations [q, 3, 3] both."""
        finite("add_s", predicted=predicted, true=true)
        # Distances are the same after undoing the predicted rotation, so one tree serves all queries.
        between = predicted.swapaxes(1, 2) @ true
        distances = self.tree.query((self.points @ between.swapaxes(1, 2)).reshape(-1, 3))[0]
        return distances.reshape(len(true), -1).mean(1) / self.diameter


def add_s(points: np.ndarray, predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """float64 [q]: ADD-S over diameter (Hinterstoisser et al. 2012; Xiang et al. 2018, symmetric form): mean distance
    of the points [n, 3] under the true rotation to the nearest of them under the predicted one, both [q, 3, 3] about
    the centroid, divided by the diameter."""
    return AddS(points)(predicted, true)


def sampling_floor(points: np.ndarray, again: np.ndarray) -> float:
    """``add_s`` of a perfect symmetry: mean distance of the points of a second, independent sampling
    of the same surface to the nearest of the first, over the diameter. Compare with it, not with 0."""
    return float(KDTree(points).query(again)[0].mean() / largest_distance(points))


def largest_distance(points: np.ndarray) -> float:
    """Diameter of a set of points [n, 3]."""
    return float(torch.pdist(torch.from_numpy(np.asarray(points, np.float64))).max())
