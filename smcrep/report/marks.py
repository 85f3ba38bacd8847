"""What figures are made of: values with their intervals, and the lines that values are compared with."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from smcrep.report.style import COLOURS
from smcrep.results import Record

_INTERVAL = "#444444"


def values(records: Sequence[Record]) -> tuple[np.ndarray, np.ndarray]:
    """Values [n] and 95 % intervals [n, 2], NaN (which is not drawn) where a record has none."""
    bounds = [record.ci95 or (np.nan, np.nan) for record in records]
    return np.array([record.value for record in records], float), np.array(bounds, float).reshape(-1, 2)


def dots(
    axis: Axes, records: Sequence[Record], y: np.ndarray, colour: str, label: str = "", *, hollow: bool = False
) -> None:
    """Horizontal: each record as a dot with its interval, at the heights ``y`` [n]."""
    middle, bounds = values(records)
    axis.hlines(y, *bounds.T, color=colour, lw=1.6, alpha=0.55)
    face = "white" if hollow else colour
    axis.plot(middle, y, "o", ms=5, mfc=face, mec=colour, color=colour, label=label or None)


def band(
    axis: Axes,
    x: Sequence[float],
    records: Sequence[Record],
    colour: str,
    label: str,
    style: str = "-",
    zorder: float = 2,
) -> None:
    """A curve through records at ``x`` [n], its interval a band."""
    middle, bounds = values(records)
    axis.plot(x, middle, style, marker="o", ms=4, color=colour, label=label, zorder=zorder)
    axis.fill_between(x, *bounds.T, color=colour, alpha=0.15, lw=0)


def bars(axis: Axes, x: np.ndarray, records: Sequence[Record], width: float, colour: str, label: str) -> None:
    """A bar for each record at ``x`` [n], with its interval."""
    middle, bounds = values(records)
    error = np.abs(bounds.T - middle)
    axis.bar(x, middle, width * 0.92, color=colour, label=label)
    whiskers = axis.errorbar(x, middle, yerr=error, fmt="none", ecolor=_INTERVAL, elinewidth=1, capsize=2)
    for line in (*whiskers.lines[1], *whiskers.lines[2]):
        line.set_path_effects([withStroke(linewidth=2.4, foreground="white")])  # seen on a dark bar too


def grouped_bars(
    axis: Axes, groups: Sequence[tuple[str, str, Sequence[Record]]], ticks: Sequence[str], *, spread: float = 0.8
) -> None:
    """Bars side by side over ``ticks`` [n]. groups: (label, colour, n records)."""
    width = spread / len(groups)
    for i, (label, colour, records) in enumerate(groups):
        x = np.arange(len(ticks)) + (i - (len(groups) - 1) / 2) * width
        bars(axis, x, records, width, colour, label)
    axis.set_xticks(range(len(ticks)), ticks)


def reference(axis: Axes, value: float, words: str = "", *, vertical: bool = False, colour: str = "") -> None:
    """A dashed line that values are compared with; ``words`` stand at its end, outside the axes."""
    colour = colour or COLOURS["chance"]
    draw, across = (
        (axis.axvline, axis.get_xaxis_transform()) if vertical else (axis.axhline, axis.get_yaxis_transform())
    )
    draw(value, color=colour, lw=1.1, ls="--", zorder=1)
    at, place = ((value, 1.01), ("center", "bottom")) if vertical else ((1.01, value), ("left", "center"))
    axis.text(*at, words, transform=across, ha=place[0], va=place[1], color=colour, fontsize=7.5)
