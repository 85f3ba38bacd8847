"""The pictures of experiments/figures/generalisation.py, each from its records or cells."""

from pathlib import Path

import numpy as np
from generalisation_cells import FACTORS, LAWS, SENSES, VARIANTS, Cells
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smcrep.probes.intervals import share_over_seeds_and_objects
from smcrep.report import figures, marks
from smcrep.report.style import COLOURS, label, legend_below, picture
from smcrep.results import Record

OFFSETS = dict(zip(SENSES, (-0.22, 0.0, 0.22), strict=True))
ENCODERS = {
    "rgb": "ours, two streams, 128 px",
    "pretrained.frozen_64": "ImageNet, frozen, 64 px",
    "pretrained.frozen_128": "ImageNet, frozen, 128 px",
    "pretrained.frozen_224": "ImageNet, frozen, 224 px",
    "pretrained.trained_128": "ImageNet, then ours, 128 px",
}
"""Record -> encoder of images; "ours": trained with our objective."""
SIGNALS = {
    "physics": "utilisation",
    "physics, shuffled": "utilisation_shuffled",
    "action": "action_utilisation",
}
REVEALED = ("mass", "friction")


def draw_variants(records: dict[str, Record], path: Path) -> None:
    """One line a variant: outcome on the left, recognition on the right, every sense."""
    shown = [variant for variant in VARIANTS if f"variant.{variant}.fused.h1" in records]
    panels = (
        ("h1", "Outcome of an action, 16 candidates", "H@1", 1 / 16),
        ("1shot", "Recognition, 15-way, one label each", "accuracy", 1 / 15),
    )
    with picture(path, columns=2, size=(4.3, 0.6 + 0.42 * len(shown))) as (figure, axes):
        for axis, (metric, title, unit, chance) in zip(axes, panels, strict=True):
            names = {sense: [f"variant.{variant}.{sense}.{metric}" for variant in shown] for sense in SENSES}
            _rows(axis, {sense: [records[name] for name in names[sense]] for sense in SENSES})
            _shares(axis, chance)
            if metric == "h1" and "moved_cloud.h1_16" in records:
                marks.reference(axis, records["moved_cloud.h1_16"].value, "moved cloud", vertical=True)
            axis.set_title(title, pad=15)
            axis.set_xlabel(unit)
        _row_names(figure, axes, [VARIANTS[variant] for variant in shown])


def draw_environments(records: dict[str, Record], path: Path) -> None:
    """What is lost where one factor, or all, are not as in training; left of 0 nothing is lost."""
    names = FACTORS | {"shape": "new families of shape"}
    panels = (
        ("h1_16", "Outcome of an action, 16 candidates", "drop in H@1"),
        ("5shot", "Recognition, 15-way, five labels each", "drop in accuracy"),
    )
    with picture(path, columns=2, size=(4.3, 3.8)) as (figure, axes):
        for axis, (metric, title, unit) in zip(axes, panels, strict=True):
            _rows(axis, {s: [records[f"{factor}.{s}.{metric}_drop"] for factor in names] for s in SENSES})
            marks.reference(axis, 0, "no drop", vertical=True)
            axis.set_title(title, pad=15)
            axis.set_xlabel(unit)
        ends = np.array([axis.get_xlim() for axis in axes])
        for axis in axes:
            axis.set_xlim(ends.min(), ends.max())
        _row_names(figure, axes, list(names.values()))


def draw_pose(cells: Cells, path: Path) -> None:
    """Error of the rotation found by search, object by object, the symmetric ones (by geometry) below and pale; a line
    spans the seeds."""
    order = np.lexsort((cells.values("main", "pose_search_deg.fused").mean(0), ~cells.asymmetric))
    names = [cells.objects[i].split("_", 1)[-1].replace("_", " ") for i in order]
    border = float(cells.asymmetric.sum()) - 0.5
    with picture(path, size=(6.2, 5.0)) as (_, axes):
        axis = axes[0]
        for sense in SENSES:
            values = cells.values("main", f"pose_search_deg.{sense}")[:, order]
            y = np.arange(len(order)) + OFFSETS[sense]
            pale = np.where(cells.asymmetric[order], 1.0, 0.35)
            axis.hlines(y, values.min(0), values.max(0), color=COLOURS[sense], lw=1.6, alpha=0.55 * pale)
            axis.scatter(values.mean(0), y, c=COLOURS[sense], alpha=pale, s=22)
            axis.scatter([], [], c=COLOURS[sense], s=22, label=label(sense))
        marks.reference(
            axis, float(cells.values("main", "pose_constant_deg").mean()), "constant rotation", vertical=True
        )
        axis.axhline(border, color="#cccccc", lw=1)
        for y, words, side in ((border - 0.1, "no symmetry", "bottom"), (border + 0.1, "symmetric", "top")):
            axis.text(1.01, y, words, transform=axis.get_yaxis_transform(), va=side, color="#707070", fontsize=8)
        axis.set_yticks(range(len(order)), names)
        seeds = len(cells.seeds("main"))
        axis.set(xlabel=f"median error, degrees (mean and range of {seeds} seeds)", ylim=(len(order) - 0.5, -0.5))
        axis.set_xlim(0, None)
        axis.set_title("Relative rotation of unseen objects, by search through the predictor", pad=15)
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncol=3)


def draw_laws(records: dict[str, Record], cells: Cells, path: Path) -> None:
    """How nearly the predictor is a group action, and how far ahead it predicts."""
    laws = [law for law in LAWS if law != "gain"]
    with picture(path, columns=2, size=(4.4, 3.2)) as (figure, axes):
        figure.subplots_adjust(wspace=0.42)
        drawn = [(label(s), COLOURS[s], [records[f"law.{law}.{s}"] for law in laws]) for s in SENSES]
        marks.grouped_bars(axes[0], drawn, laws)
        marks.reference(axes[0], 1, "displacement")
        axes[0].set(title="Deviation from a group action", ylabel="residual / displacement by the action")
        for sense in SENSES:
            rolled = [cells.values("main", f"roll_out_{step}.{sense}") for step in (1, 2, 3)]
            steps = [share_over_seeds_and_objects(values) for values in rolled]
            found = [Record(step.value, step.ci95) for step in steps]
            marks.band(axes[1], (1, 2, 3), found, COLOURS[sense], label(sense))
        marks.reference(axes[1], 1 / 16, "chance")
        axes[1].set_xticks((1, 2, 3))
        axes[1].set(title="Open-loop prediction, 16 candidates", ylabel="H@1", ylim=(0, 1))
        axes[1].set_xlabel("actions predicted in sequence")
        legend_below(figure, axes[:1])


def draw_encoders(records: dict[str, Record], path: Path) -> None:
    """Images alone. Filled: trained with our objective; hollow: frozen, as they come."""
    shown = list(ENCODERS)
    panels = (("1shot", "15-way, one label each"), ("5shot", "15-way, five labels each"))
    with picture(path, columns=2, size=(3.9, 2.5)) as (figure, axes):
        figure.subplots_adjust(wspace=0.14)
        for axis, (metric, title) in zip(axes, panels, strict=True):
            for frozen, words in ((False, "trained with our objective"), (True, "frozen")):
                rows = [i for i, name in enumerate(shown) if ("frozen" in name) == frozen]
                found = [records[f"{shown[i]}.{metric}"] for i in rows]
                marks.dots(axis, found, np.array(rows), COLOURS["rgb"], words, hollow=frozen)
            _shares(axis, 1 / 15)
            axis.set_title(title, pad=15)
            axis.set(xlabel="accuracy, unseen objects", ylim=(len(shown) - 0.5, -0.5))
            axis.set_yticks(range(len(shown)), list(ENCODERS.values()) if axis is axes[0] else [])
        legend_below(figure, axes[:1])


def draw_physics(records: dict[str, Record], path: Path) -> None:
    used = {words: {s: records[f"physics.{name}.{s}"] for s in SENSES} for words, name in SIGNALS.items()}
    figures.physics_records(used, {name: records[f"physics.reveal.{name}"] for name in REVEALED}, path)


def _rows(axis: Axes, by_sense: dict[str, list[Record]]) -> None:
    """A row for each record of a sense, the senses of a row one below the other."""
    for sense, found in by_sense.items():
        marks.dots(axis, found, np.arange(len(found)) + OFFSETS[sense], COLOURS[sense], label(sense))


def _row_names(figure: Figure, axes: list[Axes], names: list[str]) -> None:
    figure.subplots_adjust(wspace=0.14)
    for axis in axes:
        axis.set_ylim(len(names) - 0.5, -0.5)
        axis.set_yticks(range(len(names)), names if axis is axes[0] else [])
    legend_below(figure, axes[:1])


def _shares(axis: Axes, chance: float) -> None:
    axis.set_xlim(0, 1.02)
    axis.set_xticks(np.linspace(0, 1, 6))
    marks.reference(axis, chance, "chance", vertical=True)
