"""The weight of a sense at fault: from where it is clean along its severity, on an axis of all weights; kinds named."""

from pathlib import Path

from matplotlib.figure import Figure

from smcrep.report.figures.fusion import weights
from smcrep.results import Record

CLEAN = Record(0.9, controls={"weight of rgb": 0.5, "weight of points": 0.25})


def cell(weight: float, *, known: bool = True) -> Record:
    return Record(0.7, controls={"weight of rgb": weight, "weight of points": 1 - weight, "kind in training": known})


CELLS = {
    "clean": CLEAN,
    "rgb.blur_more.1.00": cell(0.1),
    "rgb.blur_more.0.50": cell(0.3),
    "points.absent.1.00": cell(0.9, known=False),
}


def test_weights_begin_where_the_sense_is_clean(figures_kept: list[Figure], tmp_path: Path) -> None:
    weights(CELLS, tmp_path / "weights.png")
    rgb = figures_kept[0].axes[0]
    assert list(rgb.lines[0].get_xdata()) == [0, 0.5, 1]  # type: ignore[arg-type]
    assert list(rgb.lines[0].get_ydata()) == [0.5, 0.3, 0.1]  # type: ignore[arg-type]


def test_axes_hold_every_weight_and_name_the_kinds_that_are_drawn(figures_kept: list[Figure], tmp_path: Path) -> None:
    """A kind of one severity is no curve; where there is no other, nothing is named."""
    weights(CELLS, tmp_path / "weights.png")
    rgb, points = figures_kept[0].axes
    assert [axis.get_ylim() for axis in (rgb, points)] == [(0, 1), (0, 1)]
    assert [axis.get_ylabel() for axis in (rgb, points)] == ["weight of RGB", "weight of point cloud"]
    legend = rgb.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["blur more"]
    assert points.get_legend() is None
