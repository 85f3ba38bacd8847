"""Utilisation by sense and what a push reveals, with or without the confusion of masses."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from smcrep.report import figures
from smcrep.results import Record

USED = {"physics": {"fused": Record(0.6, (0.5, 0.7)), "rgb": Record(0.4, (0.3, 0.5))}}
REVEAL = {"mass": Record(0.7, (0.6, 0.8), controls={"without_after": -0.1})}


def test_records_alone(figures_kept: list[Figure], tmp_path: Path) -> None:
    figures.physics_records(USED, REVEAL, tmp_path / "p.png")
    utilisation, reveal = figures_kept[0].axes
    legend = utilisation.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["fused", "RGB"]
    assert [patch.get_height() for patch in reveal.patches] == [0.7, -0.1]  # type: ignore[attr-defined]


def test_confusion_is_drawn_where_it_is_known(figures_kept: list[Figure], tmp_path: Path) -> None:
    figures.physics(np.eye(8), USED, REVEAL, tmp_path / "p.png")
    confusion, utilisation, reveal = figures_kept[0].axes[:3]
    np.testing.assert_array_equal(confusion.images[0].get_array(), np.eye(8))
    assert [patch.get_height() for patch in utilisation.patches] == [0.6, 0.4]  # type: ignore[attr-defined]
    assert [patch.get_height() for patch in reveal.patches] == [0.7, -0.1]  # type: ignore[attr-defined]


def test_axis_of_what_is_revealed_holds_every_bar(figures_kept: list[Figure], tmp_path: Path) -> None:
    worse = {"mass": Record(0.7, (0.6, 0.8), controls={"without_after": -0.6})}
    for reveal in (REVEAL, worse):
        figures.physics_records(USED, reveal, tmp_path / "p.png")
    (low, high), (lower, _) = (kept.axes[1].get_ylim() for kept in figures_kept)
    assert (low, high) == (-0.2, 1)
    assert lower <= -0.6
