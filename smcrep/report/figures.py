"""The pictures of a run. Each function takes arrays or records and writes one PNG; none computes a result."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from smcrep.report.style import COLOURS, NAMES, bare, picture
from smcrep.results import Record


def curves(metrics: Sequence[Mapping[str, float]], path: Path) -> None:
    """Loss terms and online probe over training steps. metrics: one mapping per logged step, with ``step``."""
    losses = sorted({k for row in metrics for k in row if k.startswith("loss/")})
    probes = sorted({k for row in metrics for k in row if k.startswith("probe/")})
    total = [(row["step"], row["loss"]) for row in metrics if "loss" in row]
    with picture(path, columns=1 + bool(probes), size=(5.2, 3.2)) as (_, axes):
        axes[0].plot(*zip(*total, strict=True), color=COLOURS["fused"], lw=1.8, label="total")
        for name in losses:
            points = [(row["step"], row[name]) for row in metrics if name in row]
            axes[0].plot(*zip(*points, strict=True), lw=0.9, alpha=0.8, label=name.removeprefix("loss/"))
        axes[0].set(title="Training loss (nats)", xlabel="step")
        axes[0].legend(ncol=2)
        for name in probes:
            points = [(row["step"], row[name]) for row in metrics if name in row]
            axes[1].plot(*zip(*points, strict=True), marker="o", ms=3, label=name.removeprefix("probe/"))
        if probes:
            axes[1].set(title="Online probe, validation objects", xlabel="step", ylim=(0, 1))
            axes[1].legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncol=3)


def few_shot(variants: Mapping[str, Mapping[int, Record]], chance: float, title: str, path: Path) -> None:
    """Accuracy against shots. variants: name -> {shots: record}; names in `COLOURS` keep their colour."""
    with picture(path, size=(5.2, 3.4)) as (_, axes):
        _against_shots(axes[0], variants)
        _floor(axes[0], chance, "chance")
        axes[0].set(title=title, ylabel="accuracy", ylim=(0, 1))
        axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncol=3)  # no place inside is free in every run


def few_shot_ahead(
    variants: Mapping[str, Mapping[int, Record]],
    ahead: Mapping[str, Mapping[int, Record]],
    chance: float,
    title: str,
    path: Path,
) -> None:
    """Accuracy against shots, and beside it how far ours is ahead of each other variant on the same queries, whose
    paired intervals are narrower than the bands of two curves suggest. ahead: variant -> {shots: difference}."""
    with picture(path, columns=2, size=(4.2, 3.2)) as (figure, axes):
        figure.subplots_adjust(wspace=0.38)
        _against_shots(axes[0], variants)
        _floor(axes[0], chance, "chance")
        axes[0].set(title=title, ylabel="accuracy", ylim=(0, 1))
        axes[0].legend(loc="lower right", bbox_to_anchor=(1, chance))
        _against_shots(axes[1], ahead)
        _floor(axes[1], 0, "equal")
        axes[1].set(title="Ours less each of the others", ylabel="difference in accuracy")


def _against_shots(axis: Axes, variants: Mapping[str, Mapping[int, Record]]) -> None:
    for name, by_shot in variants.items():
        shots = sorted(by_shot)
        values = np.array([by_shot[k].value for k in shots])
        bounds = np.array([by_shot[k].ci95 or (by_shot[k].value,) * 2 for k in shots])
        colour, label = COLOURS.get(name.split()[0]), NAMES.get(name, name.replace("_", " "))
        style = "--" if name in ("untrained", "no_action") else "-"
        axis.plot(shots, values, style, marker="o", ms=4, color=colour, label=label)
        axis.fill_between(shots, bounds[:, 0], bounds[:, 1], color=colour, alpha=0.15, lw=0)
    axis.set(xlabel="labelled examples of each class", xscale="log")
    ticks = sorted({k for by_shot in variants.values() for k in by_shot})
    axis.set_xticks(ticks, [str(k) for k in ticks])
    axis.minorticks_off()


def _floor(axis: Axes, height: float, name: str) -> None:
    axis.axhline(height, color=COLOURS["chance"], lw=1, zorder=1)
    axis.text(1.01, height, name, transform=axis.get_yaxis_transform(), va="center", color="#888888", fontsize=8)


def bars(groups: Mapping[str, Mapping[str, Record]], floor: tuple[str, float], title: str, path: Path) -> None:
    """Grouped bars with their intervals. groups: variant -> {measure: record}; one line marks the floor (its
    name and height)."""
    measures = list(next(iter(groups.values())))
    width = 0.8 / len(groups)
    with picture(path, size=(1.6 + 1.2 * len(measures), 3.2)) as (_, axes):
        axis = axes[0]
        for i, (variant, records) in enumerate(groups.items()):
            x = np.arange(len(measures)) + (i - (len(groups) - 1) / 2) * width
            values = np.array([records[m].value for m in measures])
            bounds = np.array([records[m].ci95 or (records[m].value,) * 2 for m in measures])
            error = np.abs(bounds.T - values)
            axis.bar(
                x,
                values,
                width * 0.92,
                yerr=error,
                color=COLOURS.get(variant),
                label=NAMES.get(variant, variant.replace("_", " ")),
                ecolor="#444444",
                error_kw={"lw": 1},
            )
        axis.axhline(floor[1], color="#888888", lw=1, ls=":")
        axis.text(len(measures) - 0.45, floor[1], f" {floor[0]}", va="center", color="#888888", fontsize=8)
        axis.set_xticks(range(len(measures)), measures)
        axis.set(title=title)
        axis.legend()


def embedding_map(what: np.ndarray, how: np.ndarray, objects: Sequence[str], angle_deg: np.ndarray, path: Path) -> None:
    """Planar maps of the two parts of an embedding. what, how [n, 2]; objects [n] names; angle_deg [n] of the pose."""
    names = sorted(set(objects))
    index = np.array([names.index(o) for o in objects])
    with picture(path, columns=2, size=(4.6, 4.2)) as (figure, axes):
        for axis in axes:
            bare(axis)
        axes[0].scatter(*what.T, c=index, cmap="tab20", s=7, lw=0)
        axes[0].set_title("The part that says what it is, by object")
        for i, name in enumerate(names):
            if len(names) <= 20:
                axes[0].annotate(name, np.median(what[index == i], 0), fontsize=6, ha="center", color="#222222")
        wheel = axes[1].scatter(*how.T, c=angle_deg, cmap="twilight", s=7, lw=0, vmin=-180, vmax=180)
        axes[1].set_title("The part that says how it stands, by heading")
        figure.colorbar(wheel, ax=axes[1], shrink=0.6, label="degrees", ticks=[-180, -90, 0, 90, 180])


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
                _frame(axis, COLOURS["oracle"] if right else COLOURS["rgb"])
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
    """What the model expects after an action. before uint8 [q, h, w, 3]; candidates uint8 [q, c, h, w, 3]; order
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
                _frame(axis, COLOURS["oracle"] if which == truth[i] else "#dddddd")
        for axis, name in zip(
            axes[-shown - 2 :],
            ["before", "true outcome", "best guess", *[f"guess {i}" for i in range(2, shown + 1)]],
            strict=True,
        ):
            axis.set_xlabel(name, fontsize=7)
            axis.xaxis.set_label_position("bottom")


def _frame(axis: Axes, colour: str) -> None:
    for spine in axis.spines.values():
        spine.set(visible=True, color=colour, linewidth=2.2)


def physics(
    expected: np.ndarray,
    utilisations: Mapping[str, Mapping[str, Record]],
    reveal: Mapping[str, Record],
    path: Path,
) -> None:
    """Whether mass and friction are used, and whether a push reveals them.

    expected [n, n]: of queries conditioned on the i-th lightest sample, the share that expects the outcome of the j-th;
    utilisations: signal -> sense -> record; reveal: parameter -> R2, with ``without_after`` among its controls.
    """
    with picture(path, columns=3, size=(3.7, 3.3)) as (figure, axes):
        figure.subplots_adjust(wspace=0.42)
        image = axes[0].imshow(expected, cmap="Blues", vmin=0, vmax=1)
        axes[0].grid(False)
        last = len(expected) - 1
        ends = ([0, last], ["lightest", "heaviest"])
        axes[0].set_xticks(*ends)
        axes[0].set_yticks(*ends, rotation=90)
        for labels, sides in (
            (axes[0].get_xticklabels(), ("left", "right")),
            (axes[0].get_yticklabels(), ("top", "bottom")),
        ):
            for label, side in zip(labels, sides, strict=True):  # within the picture, clear of what stands around it
                label.set(**{"ha" if side in ("left", "right") else "va": side})
        axes[0].set(title="Told a mass, what is expected?", xlabel="best guess among the outcomes", ylabel="told")
        figure.colorbar(image, ax=axes[0], fraction=0.046, ticks=[0, 0.5, 1], label="share of pushes")

        senses = list(next(iter(utilisations.values())))
        width = 0.8 / len(senses)
        for i, sense in enumerate(senses):
            x = np.arange(len(utilisations)) + (i - (len(senses) - 1) / 2) * width
            _bars(
                axes[1],
                x,
                [by_sense[sense] for by_sense in utilisations.values()],
                width,
                COLOURS[sense],
                NAMES.get(sense, sense),
            )
        axes[1].axhline(1, color=COLOURS["oracle"], lw=1.2, ls="--")
        axes[1].text(
            len(utilisations) - 0.5, 1.02, "the simulator itself", ha="right", color=COLOURS["oracle"], fontsize=8
        )
        axes[1].set_xticks(range(len(utilisations)), [name.replace(", ", ",\n") for name in utilisations])
        axes[1].set(title="Use on unseen objects", ylim=(min(-0.1, axes[1].get_ylim()[0]), 1.12))
        axes[1].legend(loc="upper left", bbox_to_anchor=(0.3, 0.9))

        x, half = np.arange(len(reveal)), 0.38
        _bars(axes[2], x - half / 2, list(reveal.values()), half, COLOURS["fused"], "having seen the push")
        blind = [Record(record.controls["without_after"]) for record in reveal.values()]
        _bars(axes[2], x + half / 2, blind, half, COLOURS["no_action"], "before it")
        axes[2].axhline(0, color="#888888", lw=1)
        axes[2].set_xticks(x, list(reveal))
        axes[2].set(title="Read from the embedding (R²)", ylim=(min(-0.15, axes[2].get_ylim()[0]), 1))
        axes[2].legend(loc="upper right")


def _bars(axis: Axes, x: np.ndarray, records: Sequence[Record], width: float, colour: str, label: str) -> None:
    values = np.array([r.value for r in records])
    bounds = np.array([r.ci95 or (r.value,) * 2 for r in records])
    error = np.abs(bounds.T - values)
    axis.bar(x, values, width * 0.92, yerr=error, color=colour, label=label, ecolor="#444444", error_kw={"lw": 1})
