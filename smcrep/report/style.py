"""One look for every picture of the project: colours by meaning, quiet axes, no chart junk."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # pictures are made where no display is
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smcrep.senses import SENSES

COLOURS = {
    "fused": "#1b1f3b",
    "ours": "#1b1f3b",
    "no_action": "#8d99ae",
    "untrained": "#c9a66b",
    "chance": "#707070",
    "simclr": "#a05195",
    "oracle": "#66a182",
    **{name: sense.colour for name, sense in SENSES.items()},
}
"""A sense, a variant or a control has the same colour in every picture."""

NAMES = {"simclr": "SimCLR", "no_action": "without the action"}
"""Written otherwise than in a record."""

OTHERS = ("#4a6fa5", "#8a5a44", "#84a729", "#5e3a9c", "#3fb8c5", "#d988b9")
"""For what has no colour of its own, in the order in which it is met."""

_TICKS_AND_LABEL = 0.5
"""Inches that stand under an axis."""

_RC: Any = {  # matplotlib types its keys as literals
    "figure.dpi": 130,
    "savefig.bbox": "tight",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#eeeeee",
    "legend.frameon": False,
    "legend.fontsize": 8,
}


def label(name: str) -> str:
    """A sense, a variant or a measure as it is written in a picture."""
    return SENSES[name].label if name in SENSES else NAMES.get(name, name.replace("_", " "))


def colours(names: Sequence[str]) -> dict[str, str]:
    """Name -> colour: its own, or one of `OTHERS`."""
    unknown = [name for name in dict.fromkeys(names) if name not in COLOURS]
    return COLOURS | {name: OTHERS[i % len(OTHERS)] for i, name in enumerate(unknown)}


@contextmanager
def picture(
    path: Path,
    rows: int = 1,
    columns: int = 1,
    size: tuple[float, float] = (4.0, 3.0),
    *,
    widths: Sequence[float] | None = None,
) -> Iterator[tuple[Figure, list]]:
    """A figure of rows x columns axes (each ``size`` inches; ``widths``: of each column, relative), saved to ``path``
    at the end and closed either way."""
    with plt.rc_context(_RC):
        whole = (size[0] * columns, size[1] * rows)
        figure, axes = plt.subplots(
            rows, columns, figsize=whole, squeeze=False, gridspec_kw={"width_ratios": widths} if widths else None
        )
        try:
            yield figure, list(axes.flat)
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path)
        finally:
            plt.close(figure)


def legend_below(figure: Figure, axes: Sequence[Axes], last: Sequence[str] = ()) -> None:
    """One legend for a figure, under the lowest axis: each label once, those of ``last`` at the end."""
    entries = {text: handle for axis in axes for handle, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    order = sorted(entries, key=lambda text: text in last)
    height = min(axis.get_position().y0 for axis in axes) - _TICKS_AND_LABEL / figure.get_figheight()
    figure.legend(
        [entries[text] for text in order], order, loc="upper center", bbox_to_anchor=(0.5, height), ncol=len(order)
    )


def bare(axis: Axes) -> None:
    """An axis that only carries a picture."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set_visible(False)
