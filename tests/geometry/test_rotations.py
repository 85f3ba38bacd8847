"""Conversions and angles equal scipy's; drawn rotations are rotations, uniform, and follow the generator alone."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from scipy.stats import kstest

from smcrep.geometry.rotations import (
    angle_degrees,
    axis_rotation,
    chordal_distance,
    chordal_mean,
    determinant,
    euler_to_rotation,
    geodesic_degrees,
    look_rotation,
    nearest_rotation,
    quarter_turns,
    quaternion_from_x,
    quaternion_to_rotation,
    rotation_grid,
    rotvec_to_rotation,
    spherical_direction,
    uniform_rotation_qr,
    uniform_rotations,
)


def assert_rotations(matrices: np.ndarray) -> None:
    np.testing.assert_allclose(
        matrices @ matrices.swapaxes(-1, -2), np.broadcast_to(np.eye(3), matrices.shape), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(matrices), 1, atol=1e-9)


def test_geodesic_degrees_equals_scipys_angle() -> None:
    a, b = (uniform_rotations(50, np.random.default_rng(seed)) for seed in (0, 1))
    wanted = np.degrees((Rotation.from_matrix(a).inv() * Rotation.from_matrix(b)).magnitude())
    np.testing.assert_allclose(geodesic_degrees(torch.from_numpy(a), torch.from_numpy(b)).numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 0.01, 90.0, 180.0])
def test_angles_of_known_rotations(angle: float) -> None:
    rotation = Rotation.from_euler("z", angle, degrees=True).as_matrix()
    found = geodesic_degrees(torch.eye(3, dtype=torch.float64), torch.from_numpy(rotation))
    assert float(found) == pytest.approx(angle, abs=1e-4)
    assert angle_degrees(rotation[None]) == pytest.approx(angle, abs=1e-4)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 0.01, 1.0, np.pi])
def test_chordal_distance_is_twice_the_sine_of_half_the_angle(angle: float) -> None:
    a = uniform_rotations(5, np.random.default_rng(0))
    b = a @ Rotation.from_rotvec([0, angle, 0]).as_matrix()
    np.testing.assert_allclose(chordal_distance(a, b), 2 * np.sin(angle / 2), rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_axis_rotation_equals_scipys(axis) -> None:
    angles = np.array([[-2.0, 0.3], [1.0, 4.0]])
    wanted = Rotation.from_euler(axis, angles.ravel()[:, None]).as_matrix().reshape(2, 2, 3, 3)
    np.testing.assert_allclose(axis_rotation(axis, angles), wanted, atol=1e-12)
    np.testing.assert_allclose(axis_rotation(axis, 0.3), wanted[0, 1], atol=1e-12)


def test_quarter_turns_are_exact() -> None:
    for number in range(-1, 5):
        wanted = Rotation.from_euler("z", 90 * number, degrees=True).as_matrix().round()
        np.testing.assert_array_equal(quarter_turns(number), wanted)


@pytest.mark.parametrize("seed", range(5))
def test_conversions_equal_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    angles, vector = rng.uniform(-3, 3, 3), rng.normal(size=3)
    quaternion = rng.normal(size=4)
    quaternion /= np.linalg.norm(quaternion)
    wanted = Rotation.from_euler("xyz", angles).as_matrix()  # lower case: fixed axes, x first
    np.testing.assert_allclose(euler_to_rotation(angles), wanted, atol=1e-12)
    wanted = Rotation.from_quat(quaternion, scalar_first=True).as_matrix()
    np.testing.assert_allclose(quaternion_to_rotation(quaternion), wanted, atol=1e-12)
    wanted = Rotation.from_rotvec(vector).as_matrix()
    np.testing.assert_allclose(rotvec_to_rotation(torch.from_numpy(vector)).numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize("direction", [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0.48, -0.6, 0.64), (-0.8, 0, 0.6)])
def test_quaternion_from_x_takes_x_to_the_direction(direction: tuple[float, ...]) -> None:
    rotation = quaternion_to_rotation(quaternion_from_x(np.array(direction, float)))
    assert_rotations(rotation)
    np.testing.assert_allclose(rotation[:, 0], direction, atol=1e-12)


def test_spherical_direction_of_known_angles() -> None:
    np.testing.assert_allclose(spherical_direction(0.0, 0.0), [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(spherical_direction(np.pi / 2, 0.0), [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(spherical_direction(0.7, np.pi / 2), [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(spherical_direction(np.pi, -np.pi / 4), [-(0.5**0.5), 0, -(0.5**0.5)], atol=1e-12)


@pytest.mark.parametrize("forward", [(1, 0, 0), (0, -0.6, 0.8), (0, 0, 1), (0, 0, -1)])
def test_look_rotation_has_z_forward_and_y_down(forward: tuple[float, ...]) -> None:
    rotation = look_rotation(np.array(forward, float))
    assert_rotations(rotation)
    np.testing.assert_array_equal(rotation[:, 2], forward)
    assert rotation[2, 0] == 0  # the x axis is horizontal
    if abs(forward[2]) < 1:
        assert rotation[2, 1] < 0
    else:
        np.testing.assert_allclose(rotation[:, 1], [0, -1, 0], atol=1e-12)  # the top of the image is world +y


def test_uniform_rotations_have_the_angles_of_the_haar_measure() -> None:
    rng = np.random.default_rng(1)
    for drawn in (
        uniform_rotations(4000, np.random.default_rng(0)),
        np.stack([uniform_rotation_qr(rng) for _ in range(4000)]),
    ):
        assert_rotations(drawn)
        angle = Rotation.from_matrix(drawn).magnitude()
        assert kstest(angle, lambda t: (t - np.sin(t)) / np.pi).pvalue > 0.01
        assert np.abs(drawn.mean(0)).max() < 0.05  # no direction preferred


def test_draws_follow_the_generator_alone() -> None:
    np.random.seed(0)  # noqa: NPY002
    a = uniform_rotations(3, np.random.default_rng(7))
    torch.manual_seed(1)
    np.testing.assert_array_equal(a, uniform_rotations(3, np.random.default_rng(7)))


@pytest.mark.parametrize(("num", "apart", "farthest"), [(512, 26.14, 27.5), (4096, 11.12, 13.4)])
def test_rotation_grid_is_even(num: int, apart: float, farthest: float) -> None:
    """Every rotation is as far from its neighbour as any other, no rotation is far from all of them, and the moments
    are those of the Haar measure: E[R] = 0, E[R_ij R_kl] = 1/3 where ij = kl, else 0."""
    grid = rotation_grid(num)
    assert_rotations(grid)
    cosine = np.abs(Rotation.from_matrix(grid).as_quat() @ Rotation.from_matrix(grid).as_quat().T)
    np.fill_diagonal(cosine, 0)
    neighbour = np.degrees(2 * np.arccos(np.minimum(cosine.max(1), 1)))
    assert neighbour.mean() == pytest.approx(apart, abs=0.05)
    assert neighbour.min() > 0.78 * apart
    drawn = Rotation.random(2000, random_state=0).as_quat()
    nearest = np.degrees(2 * np.arccos(np.abs(drawn @ Rotation.from_matrix(grid).as_quat().T).max(1)))
    assert nearest.max() < farthest
    entries = grid.reshape(num, 9)
    assert np.abs(entries.mean(0)).max() < 2 / num
    np.testing.assert_allclose(entries.T @ entries / num, np.eye(9) / 3, atol=2 / num)
    assert kstest(angle_degrees(grid), lambda t: (np.radians(t) - np.sin(np.radians(t))) / np.pi).statistic < 0.02


def test_nearest_rotation_undoes_scale_and_small_noise_and_never_mirrors() -> None:
    true = uniform_rotations(20, np.random.default_rng(0))
    noisy = 3 * true + 0.01 * np.random.default_rng(1).normal(size=true.shape)
    found = nearest_rotation(torch.from_numpy(noisy)).numpy()
    assert_rotations(found)
    assert np.abs(found - true).max() < 0.02
    assert_rotations(nearest_rotation(-torch.from_numpy(true)).numpy())


def test_chordal_mean_of_opposite_rotations_is_the_middle() -> None:
    rotations = Rotation.from_euler("x", [[-40], [0], [40], [-10], [10]], degrees=True) * Rotation.from_euler(
        "z", 30, degrees=True
    )
    wanted = Rotation.from_euler("z", 30, degrees=True).as_matrix()
    np.testing.assert_allclose(chordal_mean(torch.from_numpy(rotations.as_matrix())).numpy(), wanted, atol=1e-9)


def test_the_determinant_equals_that_of_lapack() -> None:
    for matrix in np.random.default_rng(0).normal(size=(20, 3, 3)):
        assert determinant(matrix) == pytest.approx(np.linalg.det(matrix), abs=1e-12)
