from pathlib import Path

from matplotlib.figure import Figure

from smcrep.report import figures
from smcrep.results import Record


def test_measures_and_the_floor_are_named(figures_kept: list[Figure], tmp_path: Path) -> None:
    groups = {"ours": {"rgb": Record(0.3, (0.2, 0.4))}, "no_action": {"rgb": Record(0.06)}}
    figures.bars(groups, ("chance", 1 / 16), "Outcome", tmp_path / "bars.png")
    (axis,) = figures_kept[0].axes
    assert [text.get_text() for text in axis.texts] == ["chance"]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["RGB"]
    assert axis.get_ylim()[1] >= 1
