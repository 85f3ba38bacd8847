"""From the cells of experiments/carries.py to records and pictures; it measures nothing.

    python experiments/figures/carries.py --cells experiments/cells/carries      # seconds

Writes experiments/claims/carries.json and experiments/figures/carries_*.png. Every value is a mean over seeds and
unseen objects; its interval is over both, drawn independently; differences are paired on seed and object.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from smcrep.probes.intervals import Estimate, over_seeds_and_objects
from smcrep.report.style import COLOURS, picture
from smcrep.results import Record, write_claims

ROOT = Path(__file__).parent.parent
SENSES = ("fused", "rgb", "points")
CROSS = ("rgb>points", "points>rgb")
ARMS = {
    "ours": "ours",
    "no_same_state_negatives": "no same-state negatives",
    "no_cross_modal": "no cross-modal term",
    "no_residual": "no residual",
    "no_group_action": "no group action (MLP)",
    "equimod": "EquiMod",
    "simclr": "SimCLR",
    "no_action": "no action",
    "untrained": "untrained",
}
FACTORS = {
    "only_light": "light", "only_background": "background", "only_camera": "camera", "only_clutter": "clutter",
    "only_noise": "sensor noise", "new_environment": "all of them", "orientation": "any orientation",
}  # fmt: skip
SYMMETRIC_BELOW = 1.25
"""Least change by a turn of 30 degrees or more, over that of a perfect symmetry."""
LEAST_HITS = 1e-3
"""Below this H@1 a ratio of two of them says nothing; it keeps the interval of a tiny run finite."""
LAWS = ("identity", "inverse", "composition", "loop", "gain")


class Cells:
    """The finished cells of one folder."""

    def __init__(self, folder: Path) -> None:
        self.by_arm: dict[str, list[dict]] = {}
        for path in sorted(folder.glob("*-*.json")):
            cell = json.loads(path.read_text(encoding="utf-8"))
            self.by_arm.setdefault(cell["arm"], []).append(cell)
        if "main" not in self.by_arm:
            raise ValueError(f"{folder}: no cells of the arm 'main'; run experiments/carries.py first")
        self.objects: list[str] = self.by_arm["main"][0]["objects"]
        path = folder / "objects.json"
        known = json.loads(path.read_text(encoding="utf-8"))["least_change_over_floor"] if path.exists() else {}
        self.asymmetric = np.array([known.get(name, np.inf) >= SYMMETRIC_BELOW for name in self.objects])

    def values(self, arm: str, metric: str) -> np.ndarray:
        """float64 [seeds, objects]."""
        return np.array([cell["metrics"][metric] for cell in self.by_arm[arm]])

    def record(
        self, values: np.ndarray, arm: str, unit: str, statistic: Callable | None = None, **beside: float
    ) -> Record:
        found = estimate(values, statistic)
        cells = self.by_arm[arm]
        return Record(
            found.value, found.ci95, seeds=len(cells), n=found.n, unit=unit, controls=dict(beside),
            command=f"python experiments/carries.py --arms {arm}", commit=cells[0]["commit"],
            minutes=round(float(np.mean([cell["train_minutes"] for cell in cells])), 2), machine=cells[0]["machine"],
        )  # fmt: skip


def estimate(values: np.ndarray, statistic: Callable | None = None) -> Estimate:
    return over_seeds_and_objects(values, rng=np.random.default_rng(0), statistic=statistic)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=Path, default=ROOT / "cells/carries")
    parser.add_argument("--claims", type=Path, default=ROOT / "claims/carries.json")
    parser.add_argument("--figures", type=Path, default=ROOT / "figures")
    arguments = parser.parse_args()
    cells = Cells(arguments.cells)
    records = outcome(cells) | recognition(cells) | pose(cells) | laws(cells) | environments(cells) | arms(cells)
    write_claims(arguments.claims, records)
    if "ours" in cells.by_arm:
        draw_arms(records, arguments.figures / "carries_arms.png")
    draw_environments(records, arguments.figures / "carries_environments.png")
    draw_pose(cells, arguments.figures / "carries_pose.png")
    draw_laws(records, arguments.figures / "carries_laws.png")
    print(f"{len(records)} records in {arguments.claims}")


def outcome(cells: Cells) -> dict[str, Record]:
    """SENSE.h1_16, and with a foreign action; fused_minus_better.h1_16 against the sense that is better on average."""
    found = {}
    for sense in (*SENSES, *CROSS):
        name = sense.replace(">", "_to_")
        wrong = cells.values("main", f"h1_shuffled_action.{sense}")
        found[f"{name}.h1_16"] = cells.record(cells.values("main", f"h1.{sense}"), "main", "H@1 of 16", chance=1 / 16)
        kind = "other_sense_action" if ">" in sense else "shuffled_action"
        found[f"{kind}.{name}.h1_16"] = cells.record(wrong, "main", "H@1 of 16", chance=1 / 16)
    better = max(("rgb", "points"), key=lambda sense: found[f"{sense}.h1_16"].value)
    ahead = cells.values("main", "h1.fused") - cells.values("main", f"h1.{better}")
    found["fused_minus_better.h1_16"] = cells.record(ahead, "main", f"H@1, paired with {better}")
    if "no_action" in cells.by_arm:
        for sense in SENSES:
            blind = cells.values("no_action", f"h1.{sense}")
            found[f"no_action.{sense}.h1_16"] = cells.record(blind, "no_action", "H@1 of 16", chance=1 / 16)
    return found


def recognition(cells: Cells) -> dict[str, Record]:
    found = {}
    for shots in ("1shot", "5shot"):
        for sense in SENSES:
            beside = {
                arm: estimate(cells.values(arm, f"{shots}.{sense}")).value
                for arm in ("simclr", "no_action", "untrained")
                if arm in cells.by_arm
            }
            values = cells.values("main", f"{shots}.{sense}")
            found[f"{sense}.{shots}"] = cells.record(values, "main", "accuracy, 15-way", chance=1 / 15, **beside)
    return found


def pose(cells: Cells) -> dict[str, Record]:
    """Means over objects (those without rotational symmetry) of the median error; add_s over all objects."""
    found, kept = {}, cells.asymmetric
    constant = float(cells.values("main", "pose_constant_deg")[:, kept].mean())
    for sense in SENSES:
        for way in ("search", "probe"):
            values = cells.values("main", f"pose_{way}_deg.{sense}")[:, kept]
            beside = {"constant": constant, "num_objects": int(kept.sum())}
            name = f"{sense}.pose_median_deg" if way == "search" else f"{sense}.pose_probe_median_deg"
            found[name] = cells.record(values, "main", "degrees", **beside)
        found[f"{sense}.add_s"] = cells.record(cells.values("main", f"add_s.{sense}"), "main", "of the diameter")
    return found


def laws(cells: Cells) -> dict[str, Record]:
    found = {}
    for sense in SENSES:
        gain = float(cells.values("main", f"law_gain.{sense}").mean())
        for law in LAWS:
            beside = {} if law == "gain" else {"gain": gain}
            unit = "cosine" if law == "gain" else "of the true displacement"
            found[f"law.{law}.{sense}"] = cells.record(
                cells.values("main", f"law_{law}.{sense}"), "main", unit, **beside
            )
        steps = np.stack([cells.values("main", f"roll_out_{step}.{sense}") for step in (1, 2, 3)], -1)
        means = dict(zip(("step1", "step2", "step3"), steps.mean((0, 1)).tolist(), strict=True))
        found[f"rollout.step3_over_step1.{sense}"] = cells.record(
            steps,
            "main",
            "ratio of H@1",
            lambda m: m[..., 2] / np.maximum(m[..., 0], LEAST_HITS),
            chance=1 / 16,
            **means,
        )
    return found


def environments(cells: Cells) -> dict[str, Record]:
    """FACTOR.METRIC_drop: how much less than where that factor is as in training; paired on objects but for shape."""
    found = {}
    for factor in FACTORS:
        base = "kitchen." if factor.startswith("only_") else ""
        for sense in SENSES:
            for name, metric in (("h1_16", "h1"), ("5shot", "5shot")):
                there = cells.values("main", f"{factor}.{metric}.{sense}")
                drop = cells.values("main", f"{base}{metric}.{sense}") - there
                found[f"{factor}.{sense}.{name}_drop"] = cells.record(drop, "main", name, there=float(there.mean()))
    for sense in SENSES:
        for name, metric in (("h1_16", "h1"), ("5shot", "5shot")):
            known, new = (cells.values("main", f"{where}.{metric}.{sense}") for where in ("shape_known", "shape_new"))
            n = min(known.shape[1], new.shape[1])
            values = np.stack([known[:, :n], new[:, :n]], -1)
            found[f"shape.{sense}.{name}_drop"] = cells.record(
                values,
                "main",
                name,
                lambda m: m[..., 0] - m[..., 1],
                there=float(new.mean()),
                known=float(known.mean()),
            )
    return found


def arms(cells: Cells) -> dict[str, Record]:
    found = {}
    for arm in ARMS:
        if arm not in cells.by_arm:
            continue
        for metric, unit in (("h1", "H@1 of 16"), ("1shot", "accuracy, 15-way"), ("5shot", "accuracy, 15-way")):
            for sense in SENSES:
                values, beside = cells.values(arm, f"{metric}.{sense}"), {}
                if arm != "ours" and len(values) == len(cells.by_arm.get("ours", ())):
                    ahead = estimate(cells.values("ours", f"{metric}.{sense}") - values)
                    beside = {
                        "ours_ahead": ahead.value,
                        "ours_ahead_low": ahead.ci95[0],
                        "ours_ahead_high": ahead.ci95[1],
                    }
                found[f"arm.{arm}.{sense}.{metric}"] = cells.record(values, arm, unit, **beside)
    return found


def draw_arms(records: dict[str, Record], path: Path) -> None:
    """One line an arm: outcome on the left, recognition on the right, every sense."""
    shown = [arm for arm in ARMS if f"arm.{arm}.fused.h1" in records]
    panels = (("h1", "The true outcome among 16 (H@1)", 1 / 16), ("1shot", "15-way, one label each", 1 / 15))
    with picture(path, columns=2, size=(4.3, 0.6 + 0.42 * len(shown))) as (figure, axes):
        figure.subplots_adjust(wspace=0.08)
        for axis, (metric, title, chance) in zip(axes, panels, strict=True):
            for k, sense in enumerate(SENSES):
                found = [records[f"arm.{arm}.{sense}.{metric}"] for arm in shown]
                y = np.arange(len(shown)) + (k - 1) * 0.22
                bounds = np.array([r.ci95 or (r.value, r.value) for r in found])
                axis.hlines(y, *bounds.T, color=COLOURS[sense], lw=1.4, alpha=0.6)
                axis.plot(
                    [r.value for r in found], y, "o", ms=5, color=COLOURS[sense], label=sense.replace("rgb", "RGB")
                )
            axis.axvline(chance, color=COLOURS["chance"], lw=1, ls=":")
            axis.set(title=title, xlim=(0, 1), ylim=(len(shown) - 0.5, -0.5))
            axis.set_yticks(range(len(shown)), [ARMS[arm] for arm in shown] if axis is axes[0] else [])
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
                axis.plot(
                    [r.value for r in found], y, "o", ms=5, color=COLOURS[sense], label=sense.replace("rgb", "RGB")
                )
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
            axis.scatter(
                values, range(len(order)), c=COLOURS[sense], alpha=faded, s=26, label=sense.replace("rgb", "RGB")
            )
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
                label=sense.replace("rgb", "RGB"),
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


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"figures/carries: {error}")
