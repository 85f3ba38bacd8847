"""Variants or senses side by side over a few measures."""

from collections.abc import Mapping
from pathlib import Path

from smcrep.report import marks
from smcrep.report.style import colours, label, picture
from smcrep.results import Record


def bars(groups: Mapping[str, Mapping[str, Record]], floor: tuple[str, float], title: str, path: Path) -> None:
    """Grouped bars with their intervals. groups: variant -> {measure: record}; one line marks the floor (its
    name and height)."""
    measures = list(next(iter(groups.values())))
    palette = colours(list(groups))
    drawn = [(label(name), palette[name], [records[m] for m in measures]) for name, records in groups.items()]
    with picture(path, size=(1.6 + 1.2 * len(measures), 3.2)) as (_, axes):
        axis = axes[0]
        marks.grouped_bars(axis, drawn, [label(m) for m in measures])
        marks.reference(axis, floor[1], floor[0])
        axis.set(title=title, ylim=(axis.get_ylim()[0], max(1.0, axis.get_ylim()[1])))
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncol=len(groups))
