"""What is left of a metric under each harm to the input."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from smcrep.report import marks
from smcrep.report.style import COLOURS, picture
from smcrep.results import Record
from smcrep.senses import POINTS


def accuracy_by_harm(left: Mapping[str, Record], clean: float, refused: list[str], title: str, path: Path) -> None:
    """A dot a harm with its interval, beside chance and the clean accuracy. left: harm -> accuracy; ``refused``: harms
    that are answered by an error."""
    names = [*left, *refused]
    y = np.arange(len(names))[::-1]
    with picture(path, size=(5.2, 0.26 * len(names) + 1.4)) as (_, axes):
        axis, records = axes[0], list(left.values())
        marks.dots(axis, records, y[: len(left)], COLOURS[POINTS.name], "ours")
        untrained = [(record.controls["untrained"], at) for record, at in zip(records, y, strict=False)]
        axis.plot(*zip(*untrained, strict=True), "|", ms=9, color=COLOURS["untrained"], label="untrained")
        for at in y[len(left) :]:
            axis.text(0.5, at, "refused", ha="center", va="center", color=COLOURS["chance"])
        marks.reference(axis, records[0].controls["chance"], "chance", vertical=True)
        marks.reference(axis, clean, "clean", vertical=True, colour=COLOURS[POINTS.name])
        axis.set_yticks(y, [name.replace("_percent", " %").replace("_", " ") for name in names])
        axis.set(
            xlim=(0, 1),
            ylim=(-0.6, len(names) - 0.4),
            xlabel=f"accuracy of k-NN, {records[0].controls['n_way']} objects",
        )
        axis.set_title(title, pad=16)
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -1.8 / len(names)), ncol=2)
