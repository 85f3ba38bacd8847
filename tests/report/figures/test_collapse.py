"""Pictures of the audit: right expectations are framed green, and each signal stands beside its diagnosis."""

from pathlib import Path

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from smcrep.report import figures
from smcrep.report.style import COLOURS
from smcrep.results import Record

IMAGES = np.random.default_rng(0).integers(0, 255, (6, 16, 16, 3), dtype=np.uint8)


def test_five_actions_show_outcomes_above_and_expectations_below(figures_kept: list[Figure], tmp_path: Path) -> None:
    expected = IMAGES[[1, 1, 3, 1, 1]]
    figures.five_actions(
        IMAGES[0], IMAGES[1:], expected, [True, False, True, False, False], list("abcde"), tmp_path / "f.png"
    )
    axes = figures_kept[0].axes
    shown = [np.asarray(axis.images[0].get_array()) if axis.images else None for axis in axes]
    for i in range(5):
        np.testing.assert_array_equal(shown[1 + i], IMAGES[1 + i])
        np.testing.assert_array_equal(shown[7 + i], expected[i])
    edges = [axis.spines["left"] for axis in axes]
    green = [i for i, e in enumerate(edges) if e.get_visible() and to_hex(e.get_edgecolor()) == COLOURS["oracle"]]
    assert green == [7, 9]
    assert (tmp_path / "f.png").is_file()


def test_use_of_signals_draws_each_value_with_its_diagnosis(figures_kept: list[Figure], tmp_path: Path) -> None:
    use = {"action": Record(0.1, (0.05, 0.15)), "mass": Record(0.8, (0.7, 0.9))}
    figures.use_of_signals(use, {"action": "cut_wire", "mass": "healthy"}, "use", tmp_path / "u.png")
    axis = figures_kept[0].axes[0]
    dots = sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in axis.lines if len(line.get_xdata()) == 1)
    assert dots == [(0.1, 1.0), (0.8, 0.0)]
    words = [text.get_text() for text in axis.texts]
    assert "cut wire" in words
    assert "healthy" in words
