"""Rotations as numbers a reader knows (degrees), and ways to draw them. RoMa does the algebra."""

import math
from typing import cast

import numpy as np
import roma
import torch
from torch import Tensor


def geodesic_degrees(a: Tensor, b: Tensor) -> Tensor:
    """Angle in degrees, 0 to 180, of the rotation between rotation matrices a and b [..., 3, 3]."""
    return torch.rad2deg(roma.rotmat_geodesic_distance(a, b))


def chordal_mean(rotations: Tensor) -> Tensor:
    """[n, 3, 3] -> [3, 3]: the rotation with the least mean squared Frobenius distance to all of them."""
    return nearest_rotation(rotations.mean(0))


def nearest_rotation(matrices: Tensor) -> Tensor:
    """[..., 3, 3] -> the rotations nearest in Frobenius norm (arXiv:2006.14616); differentiable."""
    return cast(Tensor, roma.special_procrustes(matrices))


def uniform_rotations(num: int, rng: np.random.Generator) -> np.ndarray:
    """float64 [num, 3, 3], uniform on SO(3): a Gaussian in R^4, normalised, is a uniform unit quaternion."""
    quaternion = torch.from_numpy(rng.normal(size=(num, 4)))
    return roma.unitquat_to_rotmat(torch.nn.functional.normalize(quaternion, dim=-1)).numpy()


def euler_box_rotations(num: int, max_angle_deg: float, rng: np.random.Generator) -> np.ndarray:
    """float64 [num, 3, 3]: turns about x, then y, then z (axes fixed), each angle uniform in +-``max_angle_deg``.
    Infinity gives uniform rotations: no box of angles does."""
    if math.isinf(max_angle_deg):
        return uniform_rotations(num, rng)
    if not 0 <= max_angle_deg <= 180:
        raise ValueError(f"euler_box_rotations: max_angle_deg is {max_angle_deg}; give 0 to 180 degrees or infinity")
    angles = torch.from_numpy(rng.uniform(-max_angle_deg, max_angle_deg, size=(num, 3)))
    return roma.euler_to_rotmat("xyz", angles, degrees=True).numpy()


def rotation_grid(num: int) -> np.ndarray:
    """float64 [num, 3, 3]: rotations spread evenly over SO(3), the super-Fibonacci spirals of Alexa (CVPR 2022,
    algorithm 1). Neighbours of 4,096 lie some 15 degrees apart."""
    phi, psi = math.sqrt(2), 1.533751168755204288118041  # psi^4 = psi + 4
    s = np.arange(num) + 0.5
    inner, outer = np.sqrt(s / num), np.sqrt(1 - s / num)
    alpha, beta = 2 * np.pi * s / phi, 2 * np.pi * s / psi
    quaternion = np.stack([inner * np.sin(alpha), inner * np.cos(alpha), outer * np.sin(beta), outer * np.cos(beta)], 1)
    return roma.unitquat_to_rotmat(torch.from_numpy(quaternion)).numpy()
