import numpy as np
import pytest

from smcrep.worlds.rendering.scenery import GRID, PATTERN_SIZE, PATTERNS, Background, background_images, pattern

RNG = np.random.default_rng(0)
CELLS = RNG.random((GRID, GRID, 3)).astype(np.float32)


def test_linear_interpolation_between_cells_in_plain_loops() -> None:
    image = background_images([Background(CELLS, (5.0, 9.0), (1.3, 14.2))], 6, 8)[:, 0]
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
            np.testing.assert_allclose(image[:, row, column], expected, atol=1e-5)


def test_sharp_cells_are_flat_and_a_plain_background_is_plain() -> None:
    image = background_images([Background(CELLS, (2.0, 2.0), (0.0, 0.0), 1e4)], 64, 64)[:, 0]
    assert len(np.unique(image[0])) <= 10
    plain = background_images([Background(np.full_like(CELLS, 0.3), (7.0, 3.0), (2.2, 0.7), s) for s in (1, 5)], 9, 5)
    np.testing.assert_allclose(plain, 0.3, rtol=1e-5)


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_patterns_are_tileable_and_within_bounds(name: str) -> None:
    image = pattern(name)
    assert image.shape == (PATTERN_SIZE, PATTERN_SIZE)
    assert image.min() >= 0
    assert image.max() <= 1
    for axis in (0, 1):
        steps = np.abs(np.diff(image, axis=axis)).mean(1 - axis)
        seam = np.abs(np.take(image, 0, axis) - np.take(image, -1, axis)).mean()
        assert seam <= steps.max() + 1e-6


def test_an_unknown_pattern_is_named() -> None:
    with pytest.raises(ValueError, match="pattern 'lace' is unknown; choose one of checker"):
        pattern("lace")
