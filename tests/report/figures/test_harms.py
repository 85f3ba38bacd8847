"""Each harm has its dot, its interval and its name; what is refused says so."""

from pathlib import Path

from matplotlib.figure import Figure

from smcrep.report.figures.harms import accuracy_by_harm
from smcrep.results import Record


def test_dots_stand_at_their_accuracy_and_refusals_are_named(tmp_path: Path, figures_kept: list[Figure]) -> None:
    controls = {"untrained": 0.4, "chance": 1 / 30, "n_way": 30}
    left = {
        "5_percent_zeros": Record(0.75, (0.7, 0.8), controls=controls),
        "16_points": Record(0.2, (0.1, 0.3), controls=controls),
    }
    accuracy_by_harm(left, 0.77, ["millimetres"], "Clouds", tmp_path / "harms.png")
    figure = figures_kept[0]
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["5 % zeros", "16 points", "millimetres"]
    assert list(axis.get_yticks()) == [2, 1, 0]
    dots = {(x, y) for line in axis.lines if line.get_label() == "ours" for x, y in line.get_xydata()}
    assert dots == {(0.75, 2), (0.2, 1)}
    assert [text.get_position()[1] for text in axis.texts if text.get_text() == "refused"] == [0]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["ours", "untrained"]  # type: ignore[union-attr]
    label, legend = axis.xaxis.label.get_window_extent(), axis.get_legend().get_window_extent()  # type: ignore[union-attr]
    assert legend.y1 < label.y0, "the legend lies over the label"
