import numpy as np
import pytest

from smcrep.worlds.objects.textures import PATTERNS, palette, surface, value_noise


def test_palette_is_of_colours_spread_in_brightness():
    for seed in range(50):
        colours = palette(np.random.default_rng(seed), 4)
        assert colours.min() >= 0
        assert colours.max() <= 1
        assert np.ptp(colours.max(1)) > 0.25  # the value of HSV is the largest of the three


def test_value_noise_stays_in_range_and_is_periodic():
    field = value_noise(np.random.default_rng(0), 40, 60, 5)
    assert field.shape == (40, 60)
    assert field.min() >= 0
    assert field.max() <= 1
    assert field.std() > 0.1
    np.testing.assert_allclose(field[:, 0], field[:, -1])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_show_colours_of_the_palette_or_between(pattern):
    v, u = np.meshgrid((np.arange(30) + 0.5) / 30, (np.arange(40) + 0.5) / 40, indexing="ij")
    colours = np.array([[0.2, 0.4, 0.6], [0.8, 0.5, 0.1], [0.3, 0.3, 0.9]])
    for seed in range(10):
        image = pattern(np.random.default_rng(seed), u, v, colours)
        assert image.shape == (30, 40, 3)
        assert (image >= colours.min(0) - 1e-9).all()
        assert (image <= colours.max(0) + 1e-9).all()


def test_surfaces_differ_by_draw_and_repeat_by_seed():
    theme = palette(np.random.default_rng(0), 5)
    draws = [surface(np.random.default_rng(seed), 48, 64, theme) for seed in (1, 1, 2)]
    assert draws[0].shape == (48, 64, 3)
    assert draws[0].dtype == np.uint8
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.abs(draws[0].astype(int) - draws[2]).mean() > 5


def test_a_theme_is_shown_in_about_half_of_the_draws():
    red = np.array([[1.0, 0, 0], [0.9, 0, 0], [0.8, 0, 0], [0.7, 0, 0], [0.6, 0, 0]])
    reddish = []
    for seed in range(60):
        image = surface(np.random.default_rng(seed), 16, 16, red).reshape(-1, 3).astype(int)
        reddish.append(np.median(image[:, 0] - image[:, 1:].max(1)) > 100)
    assert 0.25 < np.mean(reddish) < 0.8
