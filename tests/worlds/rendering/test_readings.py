import numpy as np
import pytest
from scipy.ndimage import convolve1d

from smcrep.worlds.rendering.noise import SensorNoise
from smcrep.worlds.rendering.readings import read

DEPTH = np.full((100, 100), 0.8, np.float32)
GREY = np.full((100, 100, 3), 0.25, np.float32)  # displayed as 0.5


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def depth_of(depth: np.ndarray, noise: SensorNoise, seed: int = 0) -> np.ndarray:
    return reading(np.zeros((*depth.shape, 3), np.float32), depth, noise, seed)[1]


def rgb_of(colour: np.ndarray, noise: SensorNoise, seed: int = 0) -> np.ndarray:
    return reading(colour, np.zeros(colour.shape[:2], np.float32), noise, seed)[0]


def reading(colour: np.ndarray, depth: np.ndarray, noise: SensorNoise, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rgb, read_depth = np.empty(colour.shape, np.uint8), np.empty_like(depth)
    read(colour, depth, noise, seed, rgb, read_depth)
    return rgb, read_depth


def test_a_perfect_sensor_only_rounds() -> None:
    depth = rng().uniform(0.2, 2, (9, 9)).astype(np.float32)
    np.testing.assert_array_equal(depth_of(depth, SensorNoise()), depth)
    colour = rng().random((9, 7, 3)).astype(np.float32)
    np.testing.assert_array_equal(rgb_of(colour, SensorNoise()), np.floor(np.sqrt(colour) * 255 + 0.5))
    assert rgb_of(colour * 4, SensorNoise()).max() == 255  # brighter than white is white


@pytest.mark.parametrize(
    "noise",
    [
        SensorNoise(depth_base_m=0.002),
        SensorNoise(depth_per_m=0.003),
        SensorNoise(0.001, 0.002),
        SensorNoise(depth_base_m=0.001, depth_step_m=0.004),
    ],
)
@pytest.mark.parametrize("z", [0.3, 1.0, 2.0])
def test_depth_scatters_as_depth_sigma_says(noise: SensorNoise, z: float) -> None:
    # z spread over many steps, else the error of rounding is not uniform
    depth = (z + rng(1).uniform(0, 0.02, (200, 200))).astype(np.float32)
    error = depth_of(depth, noise) - depth
    assert error.std() == pytest.approx(float(noise.depth_sigma(z + 0.01)), rel=0.03)
    assert abs(error.mean()) < 4 * error.std() / error.size**0.5


def test_dropout_has_its_rate_and_zero_depth_stays_zero() -> None:
    noise = SensorNoise(depth_base_m=0.01, depth_step_m=0.001, depth_dropout=0.1)
    read_depth = depth_of(DEPTH, noise)
    assert (read_depth == 0).mean() == pytest.approx(0.1, abs=0.015)
    assert (depth_of(np.zeros_like(DEPTH), noise) == 0).all()
    np.testing.assert_allclose(read_depth / 0.001, np.round(read_depth / 0.001), atol=1e-3)


def test_photon_noise_has_its_deviation_in_every_channel_and_no_mean() -> None:
    error = rgb_of(GREY, SensorNoise(rgb_shot=0.03)) / 255 - 0.5
    np.testing.assert_allclose(error.std((0, 1)), 0.03, rtol=0.05)
    assert abs(error.mean()) < 5 * 0.03 / error.size**0.5
    assert abs(np.corrcoef(error[..., 0].ravel(), error[..., 1].ravel())[0, 1]) < 0.05


@pytest.mark.parametrize("shape", [(12, 17, 3), (1, 5, 3), (5, 1, 3), (2, 2, 3)])
def test_blur_is_a_convolution_with_the_given_deviation(shape: tuple[int, ...]) -> None:
    displayed = rng().random(shape)
    side = 0.6**2 / 2
    expected = displayed
    for axis in (0, 1):
        expected = convolve1d(expected, [side, 1 - 2 * side, side], axis=axis, mode="nearest")
    read_rgb = rgb_of((displayed**2).astype(np.float32), SensorNoise(rgb_blur_px=0.6))
    np.testing.assert_allclose(read_rgb, 255 * expected, atol=0.501)


def test_noise_follows_the_seed() -> None:
    noise = SensorNoise(0.001, 0.001, 0.0, 0.05, 0.02)
    for part in (0, 1):
        first, again, other = (reading(GREY, DEPTH, noise, seed)[part] for seed in (3, 3, 2**32 - 1))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)
