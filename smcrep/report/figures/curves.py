"""A training in pictures: every loss term, the floor, which terms pull apart, and the online probes, as metrics.jsonl
names them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from smcrep.report import marks
from smcrep.report.style import COLOURS, colours, label, picture

Row = Mapping[str, float]
NO_TERMS = {"step", "loss", "gradient_norm", "learning_rate", "observations_per_s", "seconds"}
"""What the training loop logs of itself; everything else is a term of the objective or a probe."""
TOTAL, FLOOR, PROBE, FUSED, CROSS, PLAIN = "loss", "floor", "probe/", "fused", ">", "terms"
COSINE = "gradient_cosine"
TITLES = {
    TOTAL: "Total loss", PLAIN: "Loss terms", "invariant": "Invariant terms", "equivariant": "Equivariant terms",
    CROSS: "Cross-modal terms", FUSED: "Fused terms",
    COSINE: "Gradients of two terms",
    "probe/few_shot": "Probe: few-shot accuracy", "probe/retrieval": "Probe: outcome ranked first",
}  # fmt: skip
COLUMNS = 4
FUSED_STYLES = ("-.", "-", ":")
"""Of the fused terms, which share a colour; dashed is the floor."""


def curves(metrics: Sequence[Row], path: Path, *, chance: Mapping[str, float] | None = None) -> None:
    """One panel a group of loss terms (see `groups`) and one a probe, over training steps.

    metrics: the records of metrics.jsonl, each with its ``step``; chance: kind of probe ("few_shot") -> its level.
    """
    found = groups(metrics)
    columns = min(COLUMNS, len(found))
    rows = -(-len(found) // columns)
    with picture(path, rows=rows, columns=columns, size=(3.3, 2.6)) as (figure, axes):
        figure.subplots_adjust(wspace=0.4, hspace=0.45)
        for axis, (group, names) in zip(axes, found.items(), strict=False):
            _lines(axis, metrics, group, names)
            axis.set(title=TITLES.get(group, label(group)), xlabel="step")
            axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            if group.startswith(PROBE):
                _share(axis, (chance or {}).get(group.removeprefix(PROBE)))
            elif group == COSINE:
                axis.set(ylabel="cosine", ylim=(-1.05, 1.05))
                marks.reference(axis, 0.0, "below: they pull apart")
            else:
                _losses(axis, metrics, names)
            if group != TOTAL:
                axis.legend(
                    fontsize=7, frameon=True, framealpha=0.8, edgecolor="none"
                )  # over the lines, not among them
        for axis in axes[len(found) :]:
            axis.set_visible(False)


def groups(metrics: Sequence[Row]) -> dict[str, list[str]]:
    """Group -> names of the records in it, in the order of the log: "loss", the total; a group of terms for what stands
    before the slash ("invariant/SENSE"), but ">" for every "PART/SENSE>OTHER" and "fused" for every "PART/fused";
    "terms" for names without a slash; and "probe/KIND" for "probe/KIND/SENSE"."""
    found: dict[str, list[str]] = {TOTAL: []}
    probes: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for row in metrics for name in row):
        if name.startswith(PROBE):
            probes.setdefault("/".join(name.split("/")[:2]), []).append(name)
        elif name == TOTAL or name not in NO_TERMS | {FLOOR}:
            found.setdefault(_group(name), []).append(name)
    return {group: names for group, names in (found | probes).items() if names}


def _group(name: str) -> str:
    part, slash, sense = name.partition("/")
    if not slash:
        return TOTAL if name == TOTAL else PLAIN
    return CROSS if CROSS in sense else FUSED if sense == FUSED else part


def _lines(axis: Axes, metrics: Sequence[Row], group: str, names: Sequence[str]) -> None:
    sources = [name.split("/")[-1].partition(CROSS)[0] for name in names]
    palette = colours(sources)
    for i, (name, source) in enumerate(zip(names, sources, strict=True)):
        steps, values = _series(metrics, name)
        colour = COLOURS[FUSED] if group == TOTAL else palette[source]
        style = FUSED_STYLES[i % len(FUSED_STYLES)] if group == FUSED else "-"
        mark = {"marker": "o", "ms": 3} if len(steps) < 30 else {}
        axis.plot(steps, values, style, color=colour, lw=1.4, label=_words(name, group), **mark)


def _words(name: str, group: str) -> str:
    part, _, sense = name.rpartition("/")
    if group == FUSED:
        return part
    return " → ".join(label(each) for each in sense.split(CROSS)) if part else label(name)


def _series(metrics: Sequence[Row], name: str) -> tuple[list[float], list[float]]:
    points = [(row["step"], row[name]) for row in metrics if name in row]
    return [step for step, _ in points], [value for _, value in points]


def _losses(axis: Axes, metrics: Sequence[Row], names: Sequence[str]) -> None:
    axis.set_ylabel("loss")
    steps, floor = _series(metrics, FLOOR)
    if floor and any(name.startswith("equivariant") for name in names):
        axis.plot(steps, floor, "--", color=COLOURS["chance"], lw=1.1, label="floor without the action")
    drawn = [value for line in axis.lines for value in line.get_ydata()]  # type: ignore[union-attr]
    if min(drawn) >= 0:
        axis.set_ylim(0, 1.08 * max(drawn) or 1)


def _share(axis: Axes, chance: float | None) -> None:
    axis.set(ylabel="share", ylim=(0, 1))
    if chance is not None:
        marks.reference(axis, chance, "chance")
