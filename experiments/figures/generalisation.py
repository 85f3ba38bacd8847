"""From the cells of experiments/generalisation.py to records and pictures; it measures nothing.

    python experiments/figures/generalisation.py --cells experiments/cells/generalisation      # seconds

Writes experiments/claims/generalisation.json and experiments/figures/generalisation_*.png. Every value is a mean over
seeds and unseen objects; its interval is over both (probes.intervals); differences are paired on seed and object. The
records of physics.py, pretrained.py and modelnet10.py, which lie beside the cells in records/, are taken over as they
are; generalisation_modelnet10.png is drawn by modelnet10.py.
"""

import argparse
from pathlib import Path

import numpy as np
from generalisation_cells import FACTORS, LAWS, SENSES, VARIANTS, Cells
from generalisation_pictures import (
    draw_encoders,
    draw_environments,
    draw_laws,
    draw_physics,
    draw_pose,
    draw_variants,
)

from smcrep.probes.intervals import over_seeds_and_objects
from smcrep.results import Record, read_claims, sealed, write_claims
from smcrep.script import run

ROOT = Path(__file__).parent.parent
CROSS = ("rgb>points", "points>rgb")
LEAST_HITS = 1e-3
"""Below this H@1 a ratio of two of them says nothing; it keeps the interval of a tiny run finite."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=Path, default=ROOT / "cells/generalisation", help="finished cells")
    parser.add_argument("--claims", type=Path, default=ROOT / "claims/generalisation.json", help="file to write")
    parser.add_argument("--figures", type=Path, default=ROOT / "figures", help="folder of the pictures")
    parser.add_argument("--no-pictures", action="store_true", help="write the records alone")
    arguments = parser.parse_args()
    cells = Cells(arguments.cells)
    records = outcome(cells) | recognition(cells) | pose(cells) | laws(cells) | environments(cells) | variants(cells)
    for path in sorted((arguments.cells / "records").glob("*.json")):
        records |= whole(path)
    write_claims(arguments.claims, records)
    print(f"{len(records)} records in {arguments.claims}")
    if arguments.no_pictures:
        return
    if "ours" in cells.by_variant:
        draw_variants(records, arguments.figures / "generalisation_ablations.png")
    draw_environments(records, arguments.figures / "generalisation_environments.png")
    draw_pose(cells, arguments.figures / "generalisation_pose.png")
    draw_laws(records, cells, arguments.figures / "generalisation_laws.png")
    if "pretrained.trained_128.1shot" in records:
        draw_encoders(records, arguments.figures / "generalisation_encoders.png")
    if "physics.reveal.mass" in records:
        draw_physics(records, arguments.figures / "generalisation_physics.png")


def whole(path: Path) -> dict[str, Record]:
    """The records of a file. ValueError where one was changed by hand."""
    found = read_claims(path)
    edited = [name for name, record in found.items() if record.seal and record.seal != sealed(record).seal]
    if edited:
        raise ValueError(f"{path}: {edited[0]} was changed by hand; run its command again")
    return found


def outcome(cells: Cells) -> dict[str, Record]:
    """SENSE.h1_16, and with a mismatched action; fused_minus_better.h1_16: against the better sense on average."""
    found = {}
    for sense in (*SENSES, *CROSS):
        name = sense.replace(">", "_to_")
        wrong = cells.values("main", f"h1_shuffled_action.{sense}")
        found[f"{name}.h1_16"] = cells.share(cells.values("main", f"h1.{sense}"), "main", "H@1 of 16", chance=1 / 16)
        kind = "other_sense_action" if ">" in sense else "shuffled_action"
        found[f"{kind}.{name}.h1_16"] = cells.share(wrong, "main", "H@1 of 16", chance=1 / 16)
    better = max(("rgb", "points"), key=lambda sense: found[f"{sense}.h1_16"].value)
    ahead = cells.values("main", "h1.fused") - cells.values("main", f"h1.{better}")
    found["fused_minus_better.h1_16"] = cells.record(ahead, "main", f"H@1, paired with {better}")
    if "moved_cloud" in cells.by_variant:
        geometry = cells.values("moved_cloud", "h1.points")[0]
        beside = {"chance": 1 / 16} | {
            words: float(cells.values("moved_cloud", f"{name}.points").mean())
            for name, words in (("h1_96", "with_96_points"), ("h1_untrimmed", "untrimmed"))
        }
        found["moved_cloud.h1_16"] = cells.share(geometry[None], "moved_cloud", "H@1 of 16", **beside)
        for sense in SENSES:
            ahead = cells.values("main", f"h1.{sense}") - geometry
            found[f"{sense}_minus_moved_cloud.h1_16"] = cells.record(
                ahead, "main", "H@1, paired with the moved cloud", others=["moved_cloud"]
            )
    if "no_action" in cells.by_variant:
        for sense in SENSES:
            blind = cells.values("no_action", f"h1.{sense}")
            found[f"no_action.{sense}.h1_16"] = cells.share(blind, "no_action", "H@1 of 16", chance=1 / 16)
    return found


def recognition(cells: Cells) -> dict[str, Record]:
    found = {}
    for shots in ("1shot", "5shot"):
        for sense in SENSES:
            others = [variant for variant in ("simclr", "no_action", "untrained") if variant in cells.by_variant]
            beside = {variant: float(cells.values(variant, f"{shots}.{sense}").mean()) for variant in others}
            values = cells.values("main", f"{shots}.{sense}")
            found[f"{sense}.{shots}"] = cells.share(
                values, "main", "accuracy, 15-way", others=others, chance=1 / 15, **beside
            )
    return found


def pose(cells: Cells) -> dict[str, Record]:
    """Means over objects (those without rotational symmetry, if there are two) of the median error; add_s over all."""
    found, kept = {}, cells.asymmetric
    for sense in SENSES:
        found[f"{sense}.add_s"] = cells.record(cells.values("main", f"add_s.{sense}"), "main", "of the diameter")
    if kept.sum() < 2:
        return found
    constant = float(cells.values("main", "pose_constant_deg")[:, kept].mean())
    for sense in SENSES:
        for way in ("search", "probe"):
            values = cells.values("main", f"pose_{way}_deg.{sense}")[:, kept]
            beside = {"constant": constant, "num_objects": int(kept.sum())}
            name = f"{sense}.pose_median_deg" if way == "search" else f"{sense}.pose_probe_median_deg"
            if way == "search":
                errors = cells.values("main", f"pose_errors_deg.{sense}")[:, kept]
                beside["median_of_all_queries"] = float(np.median(errors))
                for i in np.flatnonzero(kept):
                    beside[f"of_{cells.objects[i]}"] = float(
                        cells.values("main", f"pose_search_deg.{sense}")[:, i].mean()
                    )
            if name == "fused.pose_median_deg":
                beside["by_one_predictor"] = float(cells.values("main", "pose_alone_deg")[:, kept].mean())
            found[name] = cells.record(values, "main", "degrees", **beside)
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


def variants(cells: Cells) -> dict[str, Record]:
    found = {}
    for variant in VARIANTS:
        if variant not in cells.by_variant:
            continue
        for metric, unit in (("h1", "H@1 of 16"), ("1shot", "accuracy, 15-way"), ("5shot", "accuracy, 15-way")):
            for sense in SENSES:
                values, beside, others = cells.values(variant, f"{metric}.{sense}"), {}, []
                seeds = sorted(cells.seeds(variant) & cells.seeds("ours"))
                if variant != "ours" and seeds:
                    ours, theirs = (cells.values(a, f"{metric}.{sense}", seeds) for a in ("ours", variant))
                    ahead, others = over_seeds_and_objects(ours - theirs), ["ours"]
                    beside = {
                        "ours_ahead": ahead.value,
                        "ours_ahead_low": ahead.ci95[0],
                        "ours_ahead_high": ahead.ci95[1],
                    }
                found[f"variant.{variant}.{sense}.{metric}"] = cells.share(
                    values, variant, unit, others=others, **beside
                )
    return found


if __name__ == "__main__":
    run("figures/generalisation", main)
