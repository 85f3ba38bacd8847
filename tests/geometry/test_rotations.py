"""Angles against scipy; drawn rotations are rotations, cover what they should, and follow the generator alone."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from scipy.stats import kstest

from smcrep.geometry.rotations import (
    chordal_mean,
    euler_box_rotations,
    geodesic_degrees,
    nearest_rotation,
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
def test_geodesic_degrees_of_known_turns(angle: float) -> None:
    turn = torch.from_numpy(Rotation.from_euler("z", angle, degrees=True).as_matrix())
    assert float(geodesic_degrees(torch.eye(3, dtype=torch.float64), turn)) == pytest.approx(angle, abs=1e-4)


def test_uniform_rotations_have_the_angles_of_the_haar_measure() -> None:
    drawn = uniform_rotations(4000, np.random.default_rng(0))
    assert_rotations(drawn)
    angle = Rotation.from_matrix(drawn).magnitude()
    assert kstest(angle, lambda t: (t - np.sin(t)) / np.pi).pvalue > 0.01
    assert np.abs(drawn.mean(0)).max() < 0.05  # no direction preferred


def test_euler_box_is_turns_about_fixed_axes_within_the_box() -> None:
    drawn = euler_box_rotations(500, 30.0, np.random.default_rng(0))
    assert_rotations(drawn)
    angles = Rotation.from_matrix(drawn).as_euler("xyz", degrees=True)  # lower case: fixed axes, x first
    assert np.abs(angles).max() <= 30
    assert kstest(angles.ravel(), "uniform", args=(-30, 60)).pvalue > 0.01


def test_draws_follow_the_generator_alone() -> None:
    np.random.seed(0)  # noqa: NPY002
    a = euler_box_rotations(3, 60.0, np.random.default_rng(7))
    torch.manual_seed(1)
    np.testing.assert_array_equal(a, euler_box_rotations(3, 60.0, np.random.default_rng(7)))


def test_an_infinite_box_is_uniform_and_a_negative_one_refused() -> None:
    np.testing.assert_array_equal(
        euler_box_rotations(5, np.inf, np.random.default_rng(0)), uniform_rotations(5, np.random.default_rng(0))
    )
    with pytest.raises(ValueError, match="give 0 to 180 degrees"):
        euler_box_rotations(5, -1.0, np.random.default_rng(0))


def test_nearest_rotation_undoes_scale_and_small_noise_and_never_mirrors() -> None:
    true = uniform_rotations(20, np.random.default_rng(0))
    noisy = 3 * true + 0.01 * np.random.default_rng(1).normal(size=true.shape)
    found = nearest_rotation(torch.from_numpy(noisy)).numpy()
    assert_rotations(found)
    assert np.abs(found - true).max() < 0.02
    assert_rotations(nearest_rotation(-torch.from_numpy(true)).numpy())


def test_chordal_mean_of_turns_to_both_sides_is_the_middle() -> None:
    turns = Rotation.from_euler("x", [[-40], [0], [40], [-10], [10]], degrees=True) * Rotation.from_euler(
        "z", 30, degrees=True
    )
    wanted = Rotation.from_euler("z", 30, degrees=True).as_matrix()
    np.testing.assert_allclose(chordal_mean(torch.from_numpy(turns.as_matrix())).numpy(), wanted, atol=1e-9)
