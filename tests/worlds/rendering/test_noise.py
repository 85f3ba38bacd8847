import numpy as np
import pytest
from scipy.ndimage import convolve1d

from smcrep.worlds.rendering.noise import BANK_SIZE, SensorNoise, noisy_depth, noisy_rgb, standard_normal

DEPTH = np.full((100, 100), 0.8, np.float32)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_perfect_sensor_changes_nothing() -> None:
    depth = rng().uniform(0.2, 2, (9, 9)).astype(np.float32)
    np.testing.assert_array_equal(noisy_depth(depth, SensorNoise(), rng()), depth)
    image = rng().random((3, 9, 9), np.float32)
    np.testing.assert_array_equal(noisy_rgb(image, SensorNoise(), rng()), image)


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
    error = noisy_depth(depth, noise, rng()) - depth
    assert error.std() == pytest.approx(float(noise.depth_sigma(z + 0.01)), rel=0.03)
    assert abs(error.mean()) < 4 * error.std() / error.size**0.5


def test_depth_noise_grows_with_squared_depth() -> None:
    noise = SensorNoise(depth_per_m=0.002)
    np.testing.assert_allclose(noise.depth_sigma([1, 2, 3]), [0.002, 0.008, 0.018])


def test_dropout_has_its_rate_and_zero_depth_stays_zero() -> None:
    noise = SensorNoise(depth_base_m=0.01, depth_step_m=0.001, depth_dropout=0.1)
    read = noisy_depth(DEPTH, noise, rng())
    assert (read == 0).mean() == pytest.approx(0.1, abs=0.015)
    assert (noisy_depth(np.zeros_like(DEPTH), noise, rng()) == 0).all()
    np.testing.assert_allclose(read / 0.001, np.round(read / 0.001), atol=1e-3)


def test_photon_noise_has_its_deviation_in_every_channel_and_no_mean() -> None:
    image = np.full((3, 100, 100), 0.5, np.float32)
    error = noisy_rgb(image, SensorNoise(rgb_shot=0.03), rng()) - image
    np.testing.assert_allclose(error.std((1, 2)), 0.03, rtol=0.05)
    assert abs(error.mean()) < 4 * 0.03 / error.size**0.5
    assert abs(np.corrcoef(error[0].ravel(), error[1].ravel())[0, 1]) < 0.05


def test_blur_is_a_convolution_with_the_given_deviation() -> None:
    image = rng().random((3, 12, 17), np.float32)
    side = 0.6**2 / 2
    expected = image
    for axis in (1, 2):
        expected = convolve1d(expected, [side, 1 - 2 * side, side], axis=axis, mode="nearest")
    np.testing.assert_allclose(noisy_rgb(image, SensorNoise(rgb_blur_px=0.6), rng()), expected, atol=1e-6)
    impulse = np.zeros((1, 9, 9), np.float32)
    impulse[0, 4, 4] = 1
    spread = noisy_rgb(impulse, SensorNoise(rgb_blur_px=0.6), rng())[0]
    assert spread.sum() == pytest.approx(1, rel=1e-5)
    assert (spread * (np.arange(9) - 4) ** 2).sum() == pytest.approx(0.36, rel=1e-5)


def test_noise_follows_the_generator() -> None:
    noise = SensorNoise(0.001, 0.001, 0.0, 0.05, 0.02)
    np.testing.assert_array_equal(noisy_depth(DEPTH, noise, rng(3)), noisy_depth(DEPTH, noise, rng(3)))
    assert not np.array_equal(noisy_depth(DEPTH, noise, rng(3)), noisy_depth(DEPTH, noise, rng(4)))
    image = np.zeros((3, 8, 8), np.float32)
    assert not np.array_equal(noisy_rgb(image, noise, rng(3)), noisy_rgb(image, noise, rng(4)))


def test_standard_normal_is_normal_and_serves_large_images() -> None:
    numbers = standard_normal((200_000,), rng())
    assert numbers.std() == pytest.approx(1, abs=0.01)
    assert (np.abs(numbers) > 1.96).mean() == pytest.approx(0.05, abs=0.003)
    assert len(np.unique(numbers[:1000])) > 990
    with pytest.raises(ValueError, match="read-only"):
        numbers[0] = 0
    assert standard_normal((BANK_SIZE // 8,), rng()).shape == (BANK_SIZE // 8,)


def test_invalid_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="depth_base_m is -1"):
        SensorNoise(depth_base_m=-1)
    with pytest.raises(ValueError, match="share below 1"):
        SensorNoise(depth_dropout=1)
    with pytest.raises(ValueError, match=r"at most 0\.7"):
        SensorNoise(rgb_blur_px=1)
    with pytest.raises(ValueError, match="rgb_shot is nan"):
        SensorNoise(rgb_shot=float("nan"))
