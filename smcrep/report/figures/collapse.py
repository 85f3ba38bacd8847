"""The collapse audit for a reader without jargon: what the model expects of five actions, and how much each signal is
used."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from smcrep.report import marks
from smcrep.report.figures.images import OTHER, RIGHT, frame
from smcrep.report.style import COLOURS, bare, colours, label, picture
from smcrep.results import Record


def five_actions(
    before: np.ndarray,
    outcomes: np.ndarray,
    expected: np.ndarray,
    right: Sequence[bool],
    captions: Sequence[str],
    path: Path,
) -> None:
    """One state, and a column for each of its actions: what happens, and what the model expects. Where it ignores the
    action, the lower row shows one and the same picture.

    before    uint8 [h, w, 3].
    outcomes  uint8 [k, h, w, 3], one an action; expected: of each the observed outcome nearest to the prediction.
    right     [k] whether that is the action's own; captions [k]: the action in words.
    """
    columns = len(outcomes) + 1
    with picture(path, rows=2, columns=columns, size=(1.3, 1.45)) as (figure, axes):
        figure.subplots_adjust(wspace=0.08, hspace=0.12)
        for axis in axes:
            bare(axis)
        axes[0].imshow(before)
        axes[0].set_title("before", fontsize=8, loc="left")
        words = "What happens\nafter each action:\nabove.\n\nWhat the model\nexpects: here.\nGreen: right."
        axes[columns].text(0, 0.95, words, va="top", fontsize=7.5, transform=axes[columns].transAxes)
        for i, (outcome, guess) in enumerate(zip(outcomes, expected, strict=True), 1):
            axes[i].imshow(outcome)
            axes[i].set_title(captions[i - 1], fontsize=7, loc="left")
            axes[columns + i].imshow(guess)
            frame(axes[columns + i], RIGHT if right[i - 1] else OTHER)


def use_of_signals(use: Mapping[str, Record], diagnoses: Mapping[str, str], title: str, path: Path) -> None:
    """A dot a signal with its interval, and beside it what the audit calls it. use: signal -> share of what all signals
    bring, or of the oracle's gain; diagnoses: signal -> name."""
    names = list(use)
    palette, y = colours(names), np.arange(len(names))[::-1]
    with picture(path, size=(5.2, 0.42 * len(names) + 0.9)) as (_, axes):
        for name, at in zip(names, y, strict=True):
            marks.dots(axes[0], [use[name]], np.array([at]), palette[name])
            words = diagnoses[name].replace("_", " ")
            axes[0].text(1.04, at, words, va="center", fontsize=8, transform=axes[0].get_yaxis_transform())
        marks.reference(axes[0], 0, "not used", vertical=True)
        axes[0].set_yticks(y, [label(name) for name in names])
        axes[0].set(xlabel=title, ylim=(-0.6, len(names) - 0.4))
        axes[0].tick_params(axis="y", colors=COLOURS["ours"])
