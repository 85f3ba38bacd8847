"""Rotations: distances, means, conversions to matrices, and ways to draw them. RoMa does the algebra.

Matrices act on column vectors and angles are right-handed. The functions that take a generator or return float64 arrays
use numpy, so that the bytes of a store depend on numpy alone; the others take tensors.
"""

import math
from typing import Literal, cast

import numpy as np
import roma
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

Floats = NDArray[np.float64]


# ---- distances and means


def geodesic_degrees(a: Tensor, b: Tensor) -> Tensor:
    """Angle in degrees, 0 to 180, of the rotation between rotation matrices a and b [..., 3, 3]."""
    return torch.rad2deg(roma.rotmat_geodesic_distance(a, b))


def angle_degrees(rotations: Floats) -> Floats:
    """float64 [n]: angles in degrees, 0 to 180, of rotation matrices [n, 3, 3]."""
    r = torch.from_numpy(rotations)
    return geodesic_degrees(r, torch.eye(3, dtype=r.dtype).expand_as(r)).numpy()


def chordal_distance(a: Floats, b: Floats) -> Floats:
    """2 sin(t / 2) for rotation matrices [..., 3, 3] an angle t apart: t in radians where it is small, and exact there,
    as an arccos is not."""
    return np.linalg.norm(a - b, axis=(-2, -1)) / np.sqrt(2)


def chordal_mean(rotations: Tensor) -> Tensor:
    """[n, 3, 3] -> [3, 3]: the rotation with the least mean squared Frobenius distance to all of them."""
    return nearest_rotation(rotations.mean(0))


def nearest_rotation(matrices: Tensor) -> Tensor:
    """[..., 3, 3] -> the rotations nearest in Frobenius norm (arXiv:2006.14616); differentiable."""
    return cast(Tensor, roma.special_procrustes(matrices))


# ---- conversions


def axis_rotation(axis: Literal["x", "y", "z"], angle: float | Floats) -> Floats:
    """float64 [..., 3, 3]: rotation by ``angle`` [...] radians about a coordinate axis."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    rotation = np.zeros((*np.shape(angle), 3, 3))
    rotation[...] = np.eye(3)
    rotation[..., i, i] = rotation[..., j, j] = c
    rotation[..., i, j], rotation[..., j, i] = -s, s
    return rotation


def quarter_turns(number: int) -> Floats:
    """float64 [3, 3]: rotation about z by ``number`` times 90 degrees, in exact integers."""
    return np.linalg.matrix_power(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), number)


def euler_to_rotation(angles: Floats) -> Floats:
    """float64 [3, 3]: Rz Ry Rx, rotations about fixed x, then y, then z by ``angles`` [3] radians."""
    (cx, sx), (cy, sy), (cz, sz) = ((math.cos(angle), math.sin(angle)) for angle in angles.tolist())
    return np.array(
        [
            [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
            [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
            [-sy, cy * sx, cy * cx],
        ]
    )


def quaternion_to_rotation(quaternion: Floats) -> Floats:
    """float64 [3, 3] of a unit quaternion [4], w first."""
    w, x, y, z = quaternion.tolist()
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def rotvec_to_rotation(vectors: Tensor) -> Tensor:
    """[..., 3, 3] of rotation vectors [..., 3]: unit axis times angle in radians; differentiable."""
    return cast(Tensor, roma.rotvec_to_rotmat(vectors))


def quaternion_from_x(direction: Floats) -> Floats:
    """float64 [4], w first: the smallest rotation that takes the x axis to the unit vector ``direction`` [3]."""
    half = np.array([1.0 + direction[0], 0.0, -direction[2], direction[1]])  # 1 + x·d, x × d
    return half / np.linalg.norm(half) if direction[0] > -1 + 1e-9 else np.array([0.0, 0.0, 0.0, 1.0])


def spherical_direction(azimuth: float, elevation: float) -> Floats:
    """float64 [3], unit: ``azimuth`` is counted from x towards y, ``elevation`` from the xy plane towards z;
    radians."""
    across = math.cos(elevation)
    return np.array([across * math.cos(azimuth), across * math.sin(azimuth), math.sin(elevation)])


def look_rotation(forward: Floats, up: ArrayLike = (0.0, 0.0, 1.0)) -> Floats:
    """float64 [3, 3] R_world_camera of a camera (x right, y down, z forward) that looks along the unit vector
    ``forward`` [3] with ``up`` towards the top of the image. Looking along ``up`` itself, the top is world +y."""
    ahead = forward.tolist()
    right = _cross(ahead, np.asarray(up, np.float64).tolist())
    if math.hypot(*right) < 1e-9:
        right = _cross(ahead, [0.0, 1.0, 0.0])
    length = math.hypot(*right)
    right = [x / length for x in right]
    return np.array([right, _cross(ahead, right), ahead]).T.copy()


def determinant(matrix: Floats) -> float:
    """Of [3, 3]: np.linalg.det takes ten times as long."""
    a, b, c = matrix.tolist()
    return sum(x * y for x, y in zip(a, _cross(b, c), strict=True))


def _cross(a: list[float], b: list[float]) -> list[float]:
    """np.cross takes ten times as long for two vectors."""
    (ax, ay, az), (bx, by, bz) = a, b
    return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx]


# ---- samples of SO(3)


def uniform_rotations(num: int, rng: np.random.Generator) -> Floats:
    """float64 [num, 3, 3], uniform on SO(3): a Gaussian in R^4, normalised, is a uniform unit quaternion."""
    quaternion = torch.from_numpy(rng.normal(size=(num, 4)))
    return roma.unitquat_to_rotmat(torch.nn.functional.normalize(quaternion, dim=-1)).numpy()


def uniform_rotation_qr(rng: np.random.Generator) -> Floats:
    """float64 [3, 3], uniform on SO(3): Q of the QR decomposition of a Gaussian matrix, with the signs that make it
    unique (Mezzadri, arXiv:math-ph/0609050, section 5). The shapes of procedural objects depend on these numbers."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    return q * np.linalg.det(q)


def rotation_grid(num: int) -> Floats:
    """float64 [num, 3, 3]: rotations spread evenly over SO(3), the super-Fibonacci spirals of Alexa (CVPR 2022,
    algorithm 1). Neighbours of 4,096 are 11 degrees apart."""
    phi, psi = np.sqrt(2), 1.533751168755204288118041  # psi^4 = psi + 4
    s = np.arange(num) + 0.5
    inner, outer = np.sqrt(s / num), np.sqrt(1 - s / num)
    alpha, beta = 2 * np.pi * s / phi, 2 * np.pi * s / psi
    quaternion = np.stack([inner * np.sin(alpha), inner * np.cos(alpha), outer * np.sin(beta), outer * np.cos(beta)], 1)
    return roma.unitquat_to_rotmat(torch.from_numpy(quaternion)).numpy()
