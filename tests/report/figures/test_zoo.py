"""Every cell of the table shows its record, ours first; the alarm of a run stands where it was raised."""

from pathlib import Path

from matplotlib.figure import Figure

from smcrep.report.figures.zoo import (
    detector_table,
    retrieval_beside_planning,
    use_over_training,
    use_until_alarm,
)
from smcrep.results import Record


def test_table_shows_each_detector_on_each_mechanism(tmp_path: Path, figures_kept: list[Figure]) -> None:
    records = {
        "cut_wire": Record(0.99, controls={"rank_me": 0.5, "took": 4, "planted": 4}),
        "leak": Record(0.98, controls={"rank_me": 0.25, "took": 3, "planted": 4}),
    }
    detector_table(records, tmp_path / "table.png")
    axis = figures_kept[0].axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["ours", "rank me"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["cut wire", "leak"]
    assert [text.get_text() for text in axis.texts] == ["0.99", "0.98", "0.50", "0.25"]
    scale = axis.images[0].colorbar
    assert scale is not None
    assert scale.ax in figures_kept[0].axes
    assert (tmp_path / "table.png").stat().st_size > 1000


def test_alarms_stand_at_their_time(tmp_path: Path, figures_kept: list[Figure]) -> None:
    controls = {"rho": [[1.0, 0.0], [1.0, 0.5]], "alarm": [0.75, None], "fault": 0.5}
    use_until_alarm({"late_leak": Record(0.5, controls=controls)}, tmp_path / "alarms.png")
    lines = figures_kept[0].axes[0].lines
    assert [list(line.get_xdata()) for line in lines] == [[0.5, 1.0], [0.75, 0.75], [0.5, 1.0], [0.5, 0.5]]  # type: ignore[arg-type]


def test_a_point_for_each_world_model(tmp_path: Path, figures_kept: list[Figure]) -> None:
    controls = {
        "cfr_by_seed": [[0.1, 0.6], [0.2, 0.7]], "success_by_seed": [[0.0, 0.5], [0.1, 0.9]],
        "planning_in_the_world": 0.99, "random_actions": 0.02,
    }  # fmt: skip
    retrieval_beside_planning(Record(0.9, controls=controls), tmp_path / "planning.png")
    axis = figures_kept[0].axes[0]
    points = [(list(line.get_xdata()), list(line.get_ydata())) for line in axis.lines if line.get_marker() == "o"]  # type: ignore[arg-type]
    assert points == [([0.1, 0.6], [0.0, 0.5]), ([0.2, 0.7], [0.1, 0.9])]
    assert [text.get_text() for text in axis.texts] == ["planning in the world itself", "random actions"]


def test_history_of_one_run(tmp_path: Path, figures_kept: list[Figure]) -> None:
    history = [
        {"call": i, "action": {"mean": 0.8 - 0.2 * i, "evidence": i / 4, "verdict": "collapsed" if i > 3 else "used"}}
        for i in range(6)
    ]
    use_over_training(history, "action", tmp_path / "use.png")
    lines = {line.get_label(): line for line in figures_kept[0].axes[0].lines}
    assert list(lines["alarm"].get_xdata()) == [4, 4]  # type: ignore[arg-type]
    assert list(lines["use (1: always told apart)"].get_ydata())[:2] == [0.8, 0.6000000000000001]  # type: ignore[arg-type]
