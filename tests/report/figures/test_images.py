"""Pictures of observations: the right one is framed green, and no other."""

from pathlib import Path

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from smcrep.report import figures
from smcrep.report.style import COLOURS

IMAGES = np.random.default_rng(0).integers(0, 255, (12, 16, 16, 3), dtype=np.uint8)


def green(figure: Figure) -> list[int]:
    """Which axes have a green frame."""
    frames = [axis.spines["left"] for axis in figure.axes]
    return [i for i, f in enumerate(frames) if f.get_visible() and to_hex(f.get_edgecolor()) == COLOURS["oracle"]]


def test_neighbours(figures_kept: list[Figure], tmp_path: Path) -> None:
    same = np.array([[True, False], [False, True]])
    figures.neighbours(IMAGES, [0, 1], np.array([[2, 3], [4, 5]]), same, tmp_path / "n.png")
    assert green(figures_kept[0]) == [1, 5]
    assert all(len(axis.get_xticks()) == len(axis.get_yticks()) == 0 for axis in figures_kept[0].axes)


def test_outcomes(figures_kept: list[Figure], tmp_path: Path) -> None:
    order, truth = np.array([[2, 1, 0], [5, 4, 3]]), np.array([1, 0])
    figures.outcomes(IMAGES[:2], IMAGES.reshape(2, 6, 16, 16, 3), order, truth, ["a", "b"], tmp_path / "o.png")
    assert green(figures_kept[0]) == [3]  # before, true outcome, then three guesses a row; not guessed in the second
