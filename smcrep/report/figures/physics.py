"""Whether mass and friction are used, and whether a push reveals them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smcrep.report import marks
from smcrep.report.style import COLOURS, colours, label, picture
from smcrep.results import Record

Utilisations = Mapping[str, Mapping[str, Record]]
"""signal -> sense -> record."""
PALE = "#b4b7c6"
"""The fused embedding, where it lacks the observation after."""


def physics(expected: np.ndarray, utilisations: Utilisations, reveal: Mapping[str, Record], path: Path) -> None:
    """`physics_records`, and beside it what is predicted of each mass.

    expected [n, n]: of queries conditioned on the i-th lightest sample, the share that predicts the outcome of the
    j-th.
    """
    with picture(path, columns=3, size=(4.2, 3.3)) as (figure, axes):
        figure.subplots_adjust(wspace=0.5)
        _confusion(figure, axes[0], expected)
        _utilisation(axes[1], utilisations)
        _reveal(axes[2], reveal)


def physics_records(utilisations: Utilisations, reveal: Mapping[str, Record], path: Path) -> None:
    """Utilisation by sense, and what a probe reads of physics.

    reveal: parameter -> R2, with ``without_after`` among its controls.
    """
    with picture(path, columns=2, size=(4.4, 3.3), widths=(1.35, 1)) as (figure, axes):
        figure.subplots_adjust(wspace=0.42)
        _utilisation(axes[0], utilisations)
        _reveal(axes[1], reveal)


def _confusion(figure: Figure, axis: Axes, expected: np.ndarray) -> None:
    image = axis.imshow(expected, cmap="Blues", vmin=0, vmax=1)
    axis.grid(False)
    ends = ([0, len(expected) - 1], ["lightest", "heaviest"])
    axis.set_xticks(*ends)
    axis.set_yticks(*ends, rotation=90)
    for text, side in zip(axis.get_xticklabels(), ("left", "right"), strict=True):
        text.set_horizontalalignment(side)  # within the picture, clear of what stands around it
    for text, side in zip(axis.get_yticklabels(), ("top", "bottom"), strict=True):
        text.set_verticalalignment(side)
    axis.set(title="Predicted outcome by mass", xlabel="mass of the outcome ranked first", ylabel="conditioned on")
    figure.colorbar(image, ax=axis, fraction=0.046, ticks=[0, 0.5, 1], label="share of pushes")


def _utilisation(axis: Axes, utilisations: Utilisations) -> None:
    senses = list(next(iter(utilisations.values())))
    palette = colours(senses)
    drawn = [(label(s), palette[s], [by_sense[s] for by_sense in utilisations.values()]) for s in senses]
    marks.grouped_bars(axis, drawn, [name.replace(", ", ",\n") for name in utilisations])
    marks.reference(axis, 0)
    marks.reference(axis, 1, colour=COLOURS["oracle"])
    end = len(utilisations) - 0.5
    axis.text(end, 1.02, "oracle (the simulator)", ha="right", va="bottom", color=COLOURS["oracle"], fontsize=8)
    axis.set(title="Utilisation of each signal", ylabel="utilisation, unseen objects")
    axis.set_ylim(min(-0.1, axis.get_ylim()[0]), 1.15)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncol=len(senses))


def _reveal(axis: Axes, reveal: Mapping[str, Record]) -> None:
    blind = [Record(record.controls["without_after"]) for record in reveal.values()]
    drawn = [
        ("with the observation after the push", COLOURS["fused"], list(reveal.values())),
        ("without it", PALE, blind),
    ]
    marks.grouped_bars(axis, drawn, list(reveal))
    marks.reference(axis, 0, "constant")
    axis.set(title="Physics decoded from z", ylabel="R², unseen objects")
    axis.set_ylim(min(-0.2, axis.get_ylim()[0]), 1)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncol=2)
