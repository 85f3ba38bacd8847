"""Observations themselves: what lies near, and what is predicted."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from smcrep.report.style import COLOURS, bare, picture

RIGHT, OTHER = COLOURS["oracle"], "#dddddd"


def neighbours(images: np.ndarray, queries: Sequence[int], found: np.ndarray, same: np.ndarray, path: Path) -> None:
    """Queries (left) and their nearest neighbours. images uint8 [n, h, w, 3]; found int [q, t] rows of images;
    same bool [q, t]: True where the neighbour is the same object."""
    columns = found.shape[1] + 1
    with picture(path, rows=len(queries), columns=columns, size=(1.05, 1.05)) as (figure, axes):
        figure.subplots_adjust(wspace=0.06, hspace=0.06)
        for i, query in enumerate(queries):
            row = axes[i * columns : (i + 1) * columns]
            for axis, which in zip(row, [query, *found[i]], strict=True):
                bare(axis)
                axis.imshow(images[which])
            for axis, right in zip(row[1:], same[i], strict=True):
                frame(axis, RIGHT if right else OTHER)
        axes[0].set_title("query", fontsize=8)
        axes[1].set_title("nearest", fontsize=8)


def outcomes(
    before: np.ndarray,
    candidates: np.ndarray,
    order: np.ndarray,
    truth: np.ndarray,
    captions: Sequence[str],
    path: Path,
) -> None:
    """What the model predicts of an action. before uint8 [q, h, w, 3]; candidates uint8 [q, c, h, w, 3]; order
    int [q, t]: candidates, best first; truth int [q]; captions [q]: the action in words."""
    shown = order.shape[1]
    with picture(path, rows=len(before), columns=shown + 2, size=(1.05, 1.2)) as (figure, axes):
        figure.subplots_adjust(wspace=0.06, hspace=0.3)
        for i in range(len(before)):
            row = axes[i * (shown + 2) : (i + 1) * (shown + 2)]
            pictures = [before[i], candidates[i, truth[i]], *candidates[i][order[i]]]
            for axis, image in zip(row, pictures, strict=True):
                bare(axis)
                axis.imshow(image)
            row[0].set_title(captions[i], fontsize=6, loc="left")
            for axis, which in zip(row[2:], order[i], strict=True):
                frame(axis, RIGHT if which == truth[i] else OTHER)
        names = ["before", "true outcome", "best guess", *[f"guess {i}" for i in range(2, shown + 1)]]
        for axis, name in zip(axes[-shown - 2 :], names, strict=True):
            axis.set_xlabel(name, fontsize=7)
            axis.xaxis.set_label_position("bottom")


def frame(axis: Axes, colour: str) -> None:
    """A coloured border around a picture."""
    for spine in axis.spines.values():
        spine.set(visible=True, color=colour, linewidth=2.2)
