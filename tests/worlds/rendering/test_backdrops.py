import colorsys

import numpy as np
import pytest

from smcrep.worlds.rendering.backdrops import KINDS, Palette, colours
from smcrep.worlds.rendering.scenery import GRID, background_images

PALETTE = Palette((0.9, 1.3), (0.2, 0.9), (0.3, 1.0))


def test_colours_agree_with_the_standard_library() -> None:
    u = np.random.default_rng(0).random((50, 3))
    for one, drawn in zip(u, colours(PALETTE, u), strict=True):
        np.testing.assert_allclose(drawn, PALETTE.colour(one), atol=1e-6)
        expected = colorsys.hsv_to_rgb((0.9 + 0.4 * one[0]) % 1, 0.2 + 0.7 * one[1], 0.3 + 0.7 * one[2])
        np.testing.assert_allclose(drawn, np.square(expected), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_draws_a_picture_that_varies_from_draw_to_draw(kind: str) -> None:
    rng = np.random.default_rng(1)
    drawn = [KINDS[kind](PALETTE, rng.random(5), rng.random((GRID, GRID, 4))) for _ in range(8)]
    images = background_images(drawn, 32, 32)
    assert images.shape == (3, 8, 32, 32)
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 1 + 1e-5
    assert all(images[:, i].std() > 0.005 for i in range(8))
    differences = np.abs(images[:, :, None] - images[:, None]).mean((0, 3, 4)) + np.eye(8)
    assert differences.min() > 0.01
