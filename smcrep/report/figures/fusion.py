"""Fused senses where one of them is faulty: accuracy of every cell, what it is ahead of the best rival, and the weight
of the sense at fault along its severity."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smcrep.report.style import COLOURS, OTHERS, label, picture
from smcrep.results import Record

Cell = tuple[str, str, float]
"""Sense, kind of fault, severity."""


def cell_of(name: str) -> Cell:
    """Of "SENSE.KIND.SEVERITY"."""
    sense, kind, severity = name.split(".", 2)
    return sense, kind, float(severity)


def cell_table(cells: Mapping[str, Record], rivals: Sequence[str], path: Path) -> None:
    """Two tables for each sense: accuracy of ours, and ours less the best of ``rivals`` (of those that are among the
    controls). A row is a kind of fault (bold: never met in training), a column a severity; "clean" is a cell too."""
    own = {cell_of(name): record for name, record in cells.items() if name.count(".") > 1}
    senses, unit = list(dict.fromkeys(sense for sense, _, _ in own)), next(iter(own.values())).unit
    severities = sorted({severity for _, _, severity in own})
    kinds = {sense: list(dict.fromkeys(kind for name, kind, _ in own if name == sense)) for sense in senses}
    height = 0.24 * max(map(len, kinds.values())) + 0.9
    with picture(path, len(senses), 2, size=(4.3, height)) as (figure, axes):
        for row, sense in enumerate(senses):
            accuracy, ahead = (np.full((len(kinds[sense]), len(severities)), np.nan) for _ in range(2))
            for (name, kind, severity), record in own.items():
                if name == sense:
                    at = kinds[sense].index(kind), severities.index(severity)
                    accuracy[at] = record.value
                    ahead[at] = record.value - max(record.controls[r] for r in rivals if r in record.controls)
            known = [
                own[cell].controls["kind in training"] for kind in kinds[sense] for cell in [_first(own, sense, kind)]
            ]
            left, right = axes[2 * row : 2 * row + 2]
            _table(
                figure,
                left,
                100 * accuracy,
                severities,
                f"{label(sense)} faulty: {unit} of ours, %",
                (0, 100),
                "viridis",
            )
            _table(figure, right, 100 * ahead, severities, "ours less the best rival, points", (-10, 10), "RdBu")
            left.set_yticks(range(len(known)), [kind.replace("_", " ") for kind in kinds[sense]])
            for text, is_known in zip(left.get_yticklabels(), known, strict=True):
                text.set_fontweight("normal" if is_known else "bold")
            right.set_yticks(range(len(known)), [""] * len(known))
        figure.tight_layout()
        figure.text(0, -0.01, "bold: a kind of fault that no training met", fontsize=8)


def _first(own: Mapping[Cell, Record], sense: str, kind: str) -> Cell:
    return next(cell for cell in own if cell[:2] == (sense, kind))


def _table(
    figure: Figure,
    axis: Axes,
    values: np.ndarray,
    severities: Sequence[float],
    title: str,
    limits: tuple[float, float],
    colours: str,
) -> None:
    image = axis.imshow(values, cmap=colours, vmin=limits[0], vmax=limits[1], aspect="auto")
    middle, half = sum(limits) / 2, (limits[1] - limits[0]) / 2
    for (y, x), value in np.ndenumerate(values):
        if np.isfinite(value):
            if colours == "viridis":
                ink = "white" if value < middle + 0.2 * half else "black"
            else:
                ink = "white" if abs(value - middle) > 0.7 * half else "black"
            text = f"{value:.0f}" if limits[0] == 0 else f"{round(value, 1) + 0.0:+.1f}"  # no "-0.0"
            axis.text(x, y, text, ha="center", va="center", fontsize=7, color=ink)
    axis.set_xticks(range(len(severities)), [f"{severity:.2g}" for severity in severities])
    axis.set(xlabel="severity")
    axis.set_title(title)
    axis.grid(visible=False)
    figure.colorbar(image, ax=axis, fraction=0.05, pad=0.02)


def weights(cells: Mapping[str, Record], path: Path) -> None:
    """Weight of the sense at fault against the severity of each kind, from its weight when clean."""
    own = {cell_of(name): record for name, record in cells.items() if name.count(".") > 1}
    senses = list(dict.fromkeys(sense for sense, _, _ in own))
    with picture(path, 1, len(senses), size=(4.2, 3.6)) as (figure, axes):
        for axis, sense in zip(axes, senses, strict=True):
            key = f"weight of {sense}"
            clean = cells["clean"].controls[key]
            kinds = list(dict.fromkeys(kind for name, kind, _ in own if name == sense))
            drawn = [kind for kind in kinds if len([cell for cell in own if cell[:2] == (sense, kind)]) > 1]
            for i, kind in enumerate(drawn):
                points = sorted(
                    (cell[2], record.controls[key]) for cell, record in own.items() if cell[:2] == (sense, kind)
                )
                x, y = zip((0.0, clean), *points, strict=True)
                known = own[_first(own, sense, kind)].controls["kind in training"]
                colour = OTHERS[i % len(OTHERS)]
                style = "-" if i < len(OTHERS) else "--"
                marker = "o" if known else "s"
                axis.plot(x, y, style, marker=marker, ms=3.5, lw=1.2, color=colour, label=kind.replace("_", " "))
            axis.axhline(clean, color=COLOURS["chance"], lw=0.8, ls=":")
            axis.set(xlim=(0, 1.02), ylim=(0, 1), xlabel="severity", ylabel=f"weight of {label(sense)}")
            axis.set_title(f"{label(sense)} faulty")
            if drawn:
                axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.24), ncol=2)
        figure.tight_layout()
