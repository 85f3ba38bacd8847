"""Accuracy against the number of labels, always beside chance."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from smcrep.report import marks
from smcrep.report.style import colours, label, legend_below, picture
from smcrep.results import Record

ByShots = Mapping[int, Record]
BASELINES = ("no_action", "untrained")
"""Drawn dashed."""


def few_shot(variants: Mapping[str, ByShots], chance: float, title: str, path: Path) -> None:
    """One panel for all. variants: name -> {shots: record}; names in `COLOURS` keep their colour."""
    with picture(path, size=(5.2, 3.4)) as (_, axes):
        _against_shots(axes[0], variants)
        _accuracy(axes[0], chance)
        axes[0].set_title(title)
        axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncol=3)  # no place inside is free in every run


def few_shot_by_sense(tasks: Mapping[str, tuple[float, Mapping[str, Mapping[str, ByShots]]]], path: Path) -> None:
    """A row a task, a column a sense: the sense beside its own baselines and chance, each panel to its own scale, so
    that a weak sense can be distinguished from chance.

    tasks: title -> (chance, {sense: {the sense or a baseline: {shots: record}}}).
    """
    senses = list(dict.fromkeys(sense for _, by_sense in tasks.values() for sense in by_sense))
    with picture(path, rows=len(tasks), columns=len(senses), size=(3.0, 2.6)) as (figure, axes):
        figure.subplots_adjust(wspace=0.42, hspace=0.5)
        for row, (title, (chance, by_sense)) in enumerate(tasks.items()):
            for axis, sense in zip(axes[row * len(senses) :], senses, strict=False):
                _against_shots(axis, by_sense.get(sense, {}))
                _accuracy(axis, chance, min(1.0, 1.1 * axis.dataLim.y1))
                axis.set_title(f"{label(sense)}: {title}")
            for axis in axes[row * len(senses) + 1 : (row + 1) * len(senses)]:
                axis.set_ylabel("")
        legend_below(figure, axes, last=[label(name) for name in BASELINES])


def few_shot_ahead(
    variants: Mapping[str, ByShots], ahead: Mapping[str, ByShots], chance: float, title: str, path: Path
) -> None:
    """Accuracy against shots, and beside it how far ours is ahead of each other variant on the same queries, whose
    paired intervals are narrower than the bands of two curves suggest. ahead: variant -> {shots: difference}."""
    with picture(path, columns=2, size=(4.2, 3.2)) as (figure, axes):
        figure.subplots_adjust(wspace=0.45)
        _against_shots(axes[0], variants)
        _accuracy(axes[0], chance)
        axes[0].set_title(title)
        axes[0].legend(loc="lower right", bbox_to_anchor=(1, chance))
        _against_shots(axes[1], ahead)
        marks.reference(axes[1], 0, "equal")
        axes[1].set(title="Ours minus each baseline, paired", ylabel="difference in accuracy")


def _accuracy(axis: Axes, chance: float, top: float = 1.0) -> None:
    marks.reference(axis, chance, "chance")
    axis.set(ylabel="accuracy", ylim=(0, top))


def _against_shots(axis: Axes, variants: Mapping[str, ByShots]) -> None:
    palette = colours(list(variants))
    for name, by_shot in variants.items():
        shots = sorted(by_shot)
        records = [by_shot[k] for k in shots]
        baseline = name in BASELINES
        style, order = ("--", 2) if baseline else ("-", 3)  # a baseline never hides ours
        marks.band(axis, shots, records, palette[name], label(name), style, order)
    axis.set(xlabel="labelled examples of each class", xscale="log")
    _shot_ticks(axis, sorted({k for by_shot in variants.values() for k in by_shot}))


def _shot_ticks(axis: Axes, ticks: Sequence[int]) -> None:
    axis.set_xticks(ticks, [str(k) for k in ticks])
    axis.minorticks_off()
