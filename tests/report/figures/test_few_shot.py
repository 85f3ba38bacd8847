"""Chance is drawn in every panel, and a sense that is above it is seen to be."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smcrep.report import figures
from smcrep.results import Record

STRONG = {k: Record(v, (v - 0.01, v + 0.01)) for k, v in [(1, 0.8), (5, 0.9)]}
WEAK = {k: Record(v, (v - 0.01, v + 0.01)) for k, v in [(1, 0.05), (5, 0.07)]}
CHANCE = 1 / 29


def chance_lines(axis: Axes) -> list[float]:
    assert [text.get_text() for text in axis.texts] == ["chance"]
    flat = [line for line in axis.lines if line.get_linestyle() == "--" and len(line.get_xydata()) == 2]
    return [float(line.get_xydata()[0, 1]) for line in flat]


def test_chance_is_in_every_panel(figures_kept: list[Figure], tmp_path: Path) -> None:
    by_sense = {"fused": {"fused": STRONG}, "rgb": {"rgb": WEAK, "untrained": WEAK}}
    figures.few_shot_by_sense({"objects": (CHANCE, by_sense), "families": (CHANCE, by_sense)}, tmp_path / "f.png")
    assert len(figures_kept[0].axes) == 4
    assert all(CHANCE in chance_lines(axis) for axis in figures_kept[0].axes)


def test_a_weak_sense_has_a_scale_of_its_own(figures_kept: list[Figure], tmp_path: Path) -> None:
    figures.few_shot_by_sense({"t": (CHANCE, {"fused": {"fused": STRONG}, "rgb": {"rgb": WEAK}})}, tmp_path / "f.png")
    strong, weak = figures_kept[0].axes
    assert strong.get_ylim() == (0, 1)
    low, high = weak.get_ylim()
    assert (0.05 - CHANCE) / (high - low) > 0.15


def test_one_panel_and_differences(figures_kept: list[Figure], tmp_path: Path) -> None:
    figures.few_shot({"rgb": WEAK, "untrained": WEAK}, CHANCE, "Few-shot", tmp_path / "few.png")
    figures.few_shot_ahead({"ours": STRONG, "simclr": WEAK}, {"simclr": WEAK}, CHANCE, "Few-shot", tmp_path / "a.png")
    assert CHANCE in chance_lines(figures_kept[0].axes[0])
    assert [text.get_text() for text in figures_kept[1].axes[1].texts] == ["equal"]
