import numpy as np
import pytest

from smcrep.worlds.rendering.noise import BANK_SIZE, SensorNoise, bank


def test_depth_noise_grows_with_squared_depth() -> None:
    noise = SensorNoise(depth_per_m=0.002)
    np.testing.assert_allclose(noise.depth_sigma([1, 2, 3]), [0.002, 0.008, 0.018])


def test_the_bank_is_normal_and_serves_large_images() -> None:
    numbers = bank(200_000)
    assert numbers.std() == pytest.approx(1, abs=0.01)
    assert (np.abs(numbers) > 1.96).mean() == pytest.approx(0.05, abs=0.003)
    assert len(np.unique(numbers[:1000])) > 990
    with pytest.raises(ValueError, match="read-only"):
        numbers[0] = 0
    assert len(bank(BANK_SIZE // 8)) >= 2 * BANK_SIZE


def test_invalid_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="depth_base_m is -1"):
        SensorNoise(depth_base_m=-1)
    with pytest.raises(ValueError, match="share below 1"):
        SensorNoise(depth_dropout=1)
    with pytest.raises(ValueError, match=r"at most 0\.7"):
        SensorNoise(rgb_blur_px=1)
    with pytest.raises(ValueError, match="rgb_shot is nan"):
        SensorNoise(rgb_shot=float("nan"))
