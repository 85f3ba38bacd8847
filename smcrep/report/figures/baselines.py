"""Several measures, each in its own unit, each beside its baselines and the floor that needs no model."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from smcrep.report import marks
from smcrep.report.style import COLOURS, colours, label, legend_below, picture
from smcrep.results import Record

FLOORS = ("chance", "constant")
"""Controls that no encoder is needed for."""
BASELINES = ("no_action", "untrained")


def against_baselines(panels: Mapping[str, Mapping[str, Record]], path: Path) -> None:
    """panels: measure -> {sense: record}. Filled: ours, in the colour of the sense; hollow: the baselines among the
    controls of its record (NAME, NAME_low, NAME_high); dashed: chance, or the answer that is always the same."""
    if not panels:
        raise ValueError("against_baselines: no measure to draw; leave the picture out where there is no record")
    rows = max(len(records) for records in panels.values())
    with picture(path, columns=len(panels), size=(3.0, 0.9 + 0.5 * rows)) as (figure, axes):
        figure.subplots_adjust(wspace=0.35)
        for axis, (title, records) in zip(axes, panels.items(), strict=True):
            _panel(axis, records)
            axis.set_title(title, pad=16)
        legend_below(figure, axes)


def baselines(record: Record) -> dict[str, Record]:
    """The baselines that stand among the controls of a record."""
    return {
        name: Record(record.controls[name], (record.controls[f"{name}_low"], record.controls[f"{name}_high"]))
        for name in BASELINES
        if f"{name}_low" in record.controls
    }


def _panel(axis: Axes, records: Mapping[str, Record]) -> None:
    palette = colours(list(records))
    for y, (sense, record) in enumerate(records.items()):
        marks.dots(axis, [record], np.array([y - 0.18]), palette[sense])
        for i, (name, baseline) in enumerate(baselines(record).items(), 1):
            height = np.array([y - 0.18 + 0.18 * i])
            marks.dots(axis, [baseline], height, COLOURS[name], label(name) if y == 0 else "", hollow=True)
    first = next(iter(records.values()))
    for name in (name for name in FLOORS if name in first.controls):
        marks.reference(axis, first.controls[name], name, vertical=True)
    axis.set_yticks(range(len(records)), [label(sense) for sense in records])
    axis.set(xlabel=first.unit, ylim=(len(records) - 0.5, -0.5), xlim=_limits(axis, list(records.values())))


def _limits(axis: Axes, records: Sequence[Record]) -> tuple[float, float]:
    """Shares are drawn from 0 to 1, everything else from 0 to a little above what is there."""
    largest = max(record.value for record in records)
    return (0.0, 1.0) if largest <= 1 else (0.0, 1.08 * max(largest, axis.get_xlim()[1]))
