"""Known effects of what electronics do to pictures."""

import numpy as np
import pytest
import torch
from scipy.fft import dctn, idctn

from smcrep.corruptions.picture_noise import dead_pixels, dead_rows, jpeg, noise, shot_noise
from tests.corruptions.samples import generator, grey, pictures, severities

LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
"""ITU-T T.81, table K.1."""


@pytest.mark.parametrize("severity", [0.05, 0.25])
def test_noise_has_its_standard_deviation_in_every_channel(severity: float) -> None:
    change = noise(grey(50, 128), severities(50, severity), generator()).double() - 128
    for channel in range(3):
        assert change[..., channel].std().item() == pytest.approx(0.4 * severity * 255, rel=0.01)
    correlation = torch.corrcoef(change.reshape(-1, 3).T)
    assert (correlation - torch.eye(3, dtype=correlation.dtype)).abs().max() < 0.02


def test_shot_noise_has_a_variance_that_grows_with_the_signal_as_photons_do() -> None:
    """Oracle: Poisson counts of 1 / (.4 s)^2 photons in white, from NumPy."""
    severity, rng = 0.1, np.random.default_rng(0)
    photons = 1 / (0.4 * severity) ** 2
    for value in (25, 100, 200):
        change = shot_noise(grey(20, value), severities(20, severity), generator()).double() - value
        counted = rng.poisson(photons * value / 255, 200_000) / photons * 255
        assert change.std().item() == pytest.approx(counted.std(), rel=0.02)


def test_black_has_no_shot_noise() -> None:
    assert not shot_noise(grey(3, 0), severities(3, 1), generator()).any()


@pytest.mark.parametrize("severity", [0.2, 1.0])
def test_dead_pixels_are_half_black_half_white_in_all_channels(severity: float) -> None:
    out = dead_pixels(grey(40, 128), severities(40, severity), generator())
    assert (out == out[..., :1]).all()
    for value in (0, 255):
        assert (out == value).double().mean().item() == pytest.approx(0.25 * severity, rel=0.05)


def test_dead_rows_are_as_many_as_stated() -> None:
    severity = torch.tensor([0, 1 / 64, 0.25, 1])
    out = dead_rows(grey(4, 128), severity, generator())
    dead = (out == 0).flatten(2).all(2)
    assert dead.sum(1).tolist() == [0, 0, 8, 32]  # half a row is none
    assert (out == 128).flatten(2).all(2).logical_or(dead).all()


@pytest.mark.parametrize(("severity", "quality"), [(0.01, 99), (0.6, 43), (0.8, 24), (1.0, 5)])
def test_jpeg_rounds_the_cosines_of_8_by_8_pixels_as_its_standard_says(severity: float, quality: int) -> None:
    """ITU-T T.81 for grey pictures, table K.1 scaled by quality as the Independent JPEG Group does; SciPy's DCT."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    steps = np.clip((LUMINANCE * scale + 50) // 100, 1, 255)
    smooth = (pictures(1)[..., :1].float() / 8 + torch.arange(32.0)[:, None, None] * 4).to(torch.uint8)
    out = jpeg(smooth.expand(-1, -1, -1, 3).contiguous(), severities(1, severity), generator()).numpy()
    blocks = smooth.numpy().reshape(4, 8, 4, 8).swapaxes(1, 2) - 128.0
    cosines = np.round(np.asarray(dctn(blocks, axes=(2, 3), norm="ortho")) / steps) * steps
    expected = np.asarray(idctn(cosines, axes=(2, 3), norm="ortho")).swapaxes(1, 2).reshape(32, 32, 1) + 128
    assert np.abs(out[0] - np.clip(expected, 0, 255)).mean() < 0.8  # the codec's DCT is of integers
