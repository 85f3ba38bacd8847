"""A measure stands beside its baselines and the floor that needs no model."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from smcrep.report import figures
from smcrep.report.figures.baselines import baselines
from smcrep.results import Record

RECORD = Record(
    0.16, (0.12, 0.2), unit="accuracy", controls={"chance": 0.02, "untrained": 0.2, "untrained_low": 0.15,
    "untrained_high": 0.25, "no_action": 0.1},
)  # fmt: skip


def test_baselines_are_those_with_an_interval() -> None:
    assert baselines(RECORD) == {"untrained": Record(0.2, (0.15, 0.25))}


def test_panels_have_floor_unit_and_scale(figures_kept: list[Figure], tmp_path: Path) -> None:
    pose = Record(70.0, (65, 75), unit="mean degrees", controls={"constant": 78.0})
    figures.against_baselines({"k-NN": {"fused": RECORD, "rgb": RECORD}, "Pose": {"rgb": pose}}, tmp_path / "b.png")
    nearest, turned = figures_kept[0].axes
    assert [text.get_text() for text in nearest.texts] == ["chance"]
    assert [text.get_text() for text in turned.texts] == ["constant"]
    assert (nearest.get_xlabel(), turned.get_xlabel()) == ("accuracy", "mean degrees")
    assert nearest.get_xlim() == (0, 1)
    assert turned.get_xlim()[1] > 78
    assert [tick.get_text() for tick in nearest.get_yticklabels()] == ["fused", "RGB"]


def test_no_panel_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no measure"):
        figures.against_baselines({}, tmp_path / "b.png")
