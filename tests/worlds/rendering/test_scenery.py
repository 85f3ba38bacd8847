import numpy as np
import pytest

from smcrep.worlds.rendering.scenery import PATTERN_SIZE, PATTERNS, pattern


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
