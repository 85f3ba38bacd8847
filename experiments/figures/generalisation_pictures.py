"""The pictures of experiments/figures/generalisation.py, each from its records or cells."""

from pathlib import Path

import numpy as np
from generalisation_cells import FACTORS, LAWS, SENSES, VARIANTS, Cells

from smcrep.report.style import COLOURS, NAMES, picture
from smcrep.results import Record


def draw_variants(records: dict[str, Record], path: Path) -> None:
    """One line an variant: outcome on the left, recognition on the right, every sense."""
    shown = [variant for variant in VARIANTS if f"variant.{variant}.fused.h1" in records]
    panels = (("h1", "The true outcome among 16 (H@1)", 1 / 16), ("1shot", "15-way, one label each", 1 / 15))
    with picture(path, columns=2, size=(4.3, 0.6 + 0.42 * len(shown))) as (figure, axes):
        figure.subplots_adjust(wspace=0.08)
        for axis, (metric, title, chance) in zip(axes, panels, strict=True):
            for k, sense in enumerate(SENSES):
                found = [records[f"variant.{variant}.{sense}.{metric}"] for variant in shown]
                y = np.arange(len(shown)) + (k - 1) * 0.22
                bounds = np.array([r.ci95 or (r.value, r.value) for r in found])
                axis.hlines(y, *bounds.T, color=COLOURS[sense], lw=1.4, alpha=0.6)
                axis.plot([r.value for r in found], y, "o", ms=5, color=COLOURS[sense], label=NAMES.get(sense, sense))
            axis.axvline(chance, color=COLOURS["chance"], lw=1, ls=":")
            axis.set(title=title, xlim=(0, 1), ylim=(len(shown) - 0.5, -0.5))
            axis.set_yticks(range(len(shown)), [VARIANTS[variant] for variant in shown] if axis is axes[0] else [])
        figure.legend(*axes[1].get_legend_handles_labels(), loc="upper center", bbox_to_anchor=(0.5, 0.03), ncol=3)


def draw_environments(records: dict[str, Record], path: Path) -> None:
    names = FACTORS | {"shape": "new families of shape"}
    with picture(path, columns=2, size=(4.3, 3.6)) as (figure, axes):
        figure.subplots_adjust(wspace=0.08)
        for axis, (metric, title) in zip(
            axes, (("h1_16", "Drop of H@1 of 16"), ("5shot", "Drop of 15-way, 5 labels")), strict=True
        ):
            for k, sense in enumerate(SENSES):
                found = [records[f"{factor}.{sense}.{metric}_drop"] for factor in names]
                y = np.arange(len(names)) + (k - 1) * 0.22
                axis.hlines(y, *np.array([r.ci95 for r in found]).T, color=COLOURS[sense], lw=1.4, alpha=0.6)
                axis.plot([r.value for r in found], y, "o", ms=5, color=COLOURS[sense], label=NAMES.get(sense, sense))
            axis.axvline(0, color="#888888", lw=1)
            axis.axvline(0.05, color="#888888", lw=1, ls=":")
            axis.set(title=title, ylim=(len(names) - 0.5, -0.5))
            axis.set_yticks(range(len(names)), list(names.values()) if axis is axes[0] else [])
        axes[1].legend(loc="lower center", bbox_to_anchor=(0, -0.28), ncol=3)


def draw_pose(cells: Cells, path: Path) -> None:
    """Error of the searched turn, object by object, the symmetric ones (by geometry) below and pale."""
    order = np.lexsort((cells.values("main", "pose_search_deg.fused").mean(0), ~cells.asymmetric))
    names = [cells.objects[i].split("_", 1)[-1].replace("_", " ") for i in order]
    with picture(path, size=(5.4, 4.2)) as (_, axes):
        axis = axes[0]
        for sense in SENSES:
            values = cells.values("main", f"pose_search_deg.{sense}").mean(0)[order]
            faded = [1.0 if cells.asymmetric[i] else 0.3 for i in order]
            axis.scatter(values, range(len(order)), c=COLOURS[sense], alpha=faded, s=26, label=NAMES.get(sense, sense))
        constant = float(cells.values("main", "pose_constant_deg").mean())
        axis.axvline(constant, color=COLOURS["chance"], lw=1, ls=":")
        axis.text(constant, -0.7, " one constant answer", fontsize=7, color="#888888", va="bottom", ha="center")
        axis.axhline(cells.asymmetric.sum() - 0.5, color="#cccccc", lw=1)
        axis.set_yticks(range(len(order)), names)
        axis.set(xlabel="median error of the turn, degrees", ylim=(len(order) - 0.5, -0.5), xlim=(0, None))
        axis.set_title("The turn of an unseen object, found through the predictor", pad=14)
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncol=3)  # no place inside is free of dots


def draw_laws(records: dict[str, Record], path: Path) -> None:
    laws = [law for law in LAWS if law != "gain"]
    with picture(path, columns=2, size=(4.0, 3.0)) as (figure, axes):
        figure.subplots_adjust(wspace=0.25)
        for k, sense in enumerate(SENSES):
            found = [records[f"law.{law}.{sense}"] for law in laws]
            axes[0].bar(
                np.arange(len(laws)) + (k - 1) * 0.26,
                [r.value for r in found],
                0.24,
                color=COLOURS[sense],
                label=NAMES.get(sense, sense),
            )
            steps = records[f"rollout.step3_over_step1.{sense}"].controls
            axes[1].plot((1, 2, 3), [steps[f"step{i}"] for i in (1, 2, 3)], "o-", color=COLOURS[sense], lw=1.6)
        axes[0].set_xticks(range(len(laws)), laws)
        axes[0].axhline(1, color="#888888", lw=1, ls=":")
        axes[0].set(title="How far from a group action", ylabel="residual / true displacement", ylim=(0, 1.5))
        axes[0].legend(loc="upper left", ncol=3)
        axes[1].axhline(1 / 16, color="#888888", lw=1, ls=":")
        axes[1].set_xticks((1, 2, 3))
        axes[1].set(
            title="Imagined step after step (H@1 of 16)", xlabel="actions imagined without looking", ylim=(0, 1)
        )


def draw_encoders(records: dict[str, Record], path: Path) -> None:
    """RGB alone: what a user has already, what acting makes of it, and what acting makes of nothing."""
    shown = {
        "rgb": "ours, from nothing, 64 px",
        "pretrained.frozen_64": "ImageNet, frozen, 64 px",
        "pretrained.frozen_128": "ImageNet, frozen, 128 px",
        "pretrained.frozen_224": "ImageNet, frozen, 224 px",
        "pretrained.trained_128": "ImageNet, then acting, 128 px",
    }
    with picture(path, columns=2, size=(3.6, 2.6)) as (figure, axes):
        figure.subplots_adjust(wspace=0.08)
        titles = (("1shot", "15-way, one label each"), ("5shot", "15-way, five labels each"))
        for axis, (metric, title) in zip(axes, titles, strict=True):
            found = [records[f"{name}.{metric}"] for name in shown]
            acted = [COLOURS["rgb"] if "frozen" not in name else COLOURS["untrained"] for name in shown]
            axis.barh(range(len(shown)), [r.value for r in found], 0.6, color=acted)
            axis.hlines(range(len(shown)), *np.array([r.ci95 for r in found]).T, color="#333333", lw=1.2)
            axis.axvline(1 / 15, color="#333333", lw=1, ls=":")
            axis.set(title=title, xlim=(0, 1), ylim=(len(shown) - 0.5, -0.5))
            axis.set_yticks(range(len(shown)), list(shown.values()) if axis is axes[0] else [])
