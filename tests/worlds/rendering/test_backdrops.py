import colorsys
from dataclasses import replace

import numpy as np
import pytest

from smcrep.worlds.rendering.backdrops import KINDS, Palette, colours
from smcrep.worlds.rendering.scenery import GRID, Background
from smcrep.worlds.rendering.table import draw_backgrounds
from tests.worlds.scenes import scenery

PALETTE = Palette((0.9, 1.3), (0.2, 0.9), (0.3, 1.0))
CELLS = np.random.default_rng(0).random((GRID, GRID, 3)).astype(np.float32)


def images(backgrounds: list[Background], height: int, width: int) -> np.ndarray:
    out = np.empty((len(backgrounds), height, width, 3), np.float32)
    draw_backgrounds([replace(scenery(), background=each) for each in backgrounds], out)
    return out


def test_colours_agree_with_the_standard_library() -> None:
    u = np.random.default_rng(0).random((1, 50, 4))
    for one, drawn in zip(u[0], colours(PALETTE, u)[0], strict=True):
        np.testing.assert_allclose(drawn, PALETTE.colour(one), atol=1e-6)
        expected = colorsys.hsv_to_rgb((0.9 + 0.4 * one[0]) % 1, 0.2 + 0.7 * one[1], 0.3 + 0.7 * one[2])
        np.testing.assert_allclose(drawn, np.square(expected), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_draws_a_picture_that_varies_from_draw_to_draw(kind: str) -> None:
    rng = np.random.default_rng(1)
    drawn = [KINDS[kind](PALETTE, rng.random(5), rng.random((GRID, GRID, 4))) for _ in range(8)]
    painted = images(drawn, 32, 32)
    assert painted.shape == (8, 32, 32, 3)
    assert painted.min() >= 0
    assert painted.max() <= 1 + 1e-5
    assert all(painted[i].std() > 0.005 for i in range(8))
    differences = np.abs(painted[:, None] - painted[None]).mean((2, 3, 4)) + np.eye(8)
    assert differences.min() > 0.01


def test_linear_interpolation_between_cells_in_plain_loops() -> None:
    image = images([Background(CELLS, (5.0, 9.0), (1.3, 14.2))], 6, 8)[0]
    for row in range(6):
        for column in range(8):
            y, x = 1.3 + 5 * (row + 0.5) / 6, 14.2 + 9 * (column + 0.5) / 8
            i, j = int(y), int(x)
            a, b = y - i, x - j
            expected = sum(
                weight * CELLS[(i + di) % GRID, (j + dj) % GRID]
                for di, dj, weight in (
                    (0, 0, (1 - a) * (1 - b)),
                    (1, 0, a * (1 - b)),
                    (0, 1, (1 - a) * b),
                    (1, 1, a * b),
                )
            )
            np.testing.assert_allclose(image[row, column], expected, atol=1e-5)


def test_sharp_cells_are_flat_and_a_plain_background_is_plain() -> None:
    image = images([Background(CELLS, (2.0, 2.0), (0.0, 0.0), 1e4)], 64, 64)[0]
    assert len(np.unique(image[..., 0])) <= 10
    plain = images([Background(np.full_like(CELLS, 0.3), (7.0, 3.0), (2.2, 0.7), s) for s in (1, 5)], 9, 5)
    np.testing.assert_allclose(plain, 0.3, rtol=1e-5)
