"""When does the embedding find the outcome of an action where geometry does not?

    python experiments/geometry.py --runs runs/ycb          # more runs: more seeds; some 30 minutes for the first
    python experiments/geometry.py --tiny                   # seconds; the numbers mean nothing

The baseline learns nothing: the sensed cloud, moved as commanded, against the clouds of the 16 outcomes of its state
(trimmed Chamfer distance; the share of the points that are compared is chosen on validation objects for each
condition). A condition is what is wrong with all clouds, those of the candidates too: fewer points, or a fault of
`smcrep.corruptions` at one size. Where the cloud before is missing, geometry has nothing to move. The model is as it
was trained; nothing of it is chosen for a condition. On test objects, paired by object and seed.

Leaves cells/CONDITION-SEED.json, claims/geometry.json and figures/geometry.png in --out; interrupted, the same command
goes on:

    geometry.fused_minus_moved_cloud.CONDITION   H@1 of 16; beside it both, the cloud and RGB alone, chance

Expected: behind where clouds are whole and exact, ahead where they are misregistered, wrong in scale, thin or absent.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from smcrep import script
from smcrep.corruptions import CORRUPTIONS
from smcrep.data.store import Store
from smcrep.evaluation.encoded import encode
from smcrep.evaluation.moved_cloud import moved_cloud_hits
from smcrep.evaluation.outcome import outcome_hits
from smcrep.evaluation.sentence import plain
from smcrep.pretraining import load, pretrain, tiny
from smcrep.probes.intervals import over_seeds_and_objects, share_over_seeds_and_objects
from smcrep.provenance import made
from smcrep.report import marks
from smcrep.report.style import COLOURS, legend_below, picture
from smcrep.results import Record, write_claims, write_json
from smcrep.senses import POINTS, RGB
from smcrep.sweep import cell_path, finished
from smcrep.transition import FUSED, Senses

SHARES = (0.1, 0.3, 1.0)
VALIDATION_STATES = 64
ABSENT = "absent_before"


@dataclass(frozen=True)
class Condition:
    """What is wrong with clouds: only ``num_points`` are sensed; a fault by the name ``kind``, at one severity."""

    words: str
    num_points: int | None = None
    kind: str = ""
    severity: float = 1.0

    def __call__(self, senses: Senses) -> Senses:
        cloud = senses[POINTS.name][:, : self.num_points]
        if self.kind:
            severity = torch.full((len(cloud),), self.severity)
            cloud = CORRUPTIONS[POINTS.name, self.kind](cloud, severity, torch.Generator().manual_seed(0))
        return Senses({**senses.data, POINTS.name: cloud}, senses.present)


def fault(words: str, kind: str, size: float | None = None) -> Condition:
    severity = 1.0 if size is None else CORRUPTIONS[POINTS.name, kind].severity(size)
    return Condition(words, kind=kind, severity=severity)


CONDITIONS = {
    "whole": Condition("as sensed, 256 points"),
    "96_points": Condition("96 points", 96),
    "48_points": Condition("48 points", 48),
    "24_points": Condition("24 points", 24),
    "jitter_0.1": fault("noise of .1 radii", "jitter", 0.1),
    "jitter_0.2": fault("noise of .2 radii", "jitter", 0.2),
    "holes": fault("holes", "holes"),
    "outliers": fault("outliers", "outliers"),
    "flying_points": fault("flying points", "flying_points"),
    "depth_quantisation": fault("depth in steps of 2 cm", "depth_quantisation"),
    "misregistration": fault("misregistered", "misregistration"),
    "wrong_scale": fault("wrong scale", "wrong_scale"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", help="folders of pretrained runs, one a seed")
    parser.add_argument("--out", type=Path, default=Path("runs/geometry"), help="folder of cells, claims and figures")
    parser.add_argument("--tiny", action="store_true", help="a run of seconds, two conditions")
    arguments = parser.parse_args()
    if not arguments.runs and not arguments.tiny:
        raise ValueError("geometry: no runs; give --runs FOLDER of experiments/pretrain.py, one for each seed")
    runs = arguments.runs or [pretrain(replace(tiny(), out=arguments.out / "run"), progress=False).path]
    names = ["whole", "24_points"] if arguments.tiny else list(CONDITIONS)
    for seed, path in enumerate(runs):
        cells(path, seed, names, arguments.out / "cells")
    report(arguments.out, f"python experiments/geometry.py --runs {' '.join(map(str, runs))}")


def cells(path: Path, seed: int, names: Sequence[str], folder: Path) -> None:
    """All conditions of one run."""
    missing = [name for name in names if not cell_path(folder, name, seed).exists()]
    print(f"geometry, {path}: {len(names) - len(missing)} of {len(names)} cells are there already", flush=True)
    if not missing:
        return
    pretrained, begun = load(path), time.monotonic()
    model, val, test = pretrained.model.eval(), pretrained.store("val"), pretrained.store("test")
    for i, name in enumerate(missing):
        condition, encoded = CONDITIONS[name], encode(model, test, change=CONDITIONS[name])
        hits = {sense: outcome_hits(model, encoded, sense) for sense in (FUSED, POINTS.name, RGB.name)}
        hits[ABSENT] = outcome_hits(model, encoded, RGB.name, POINTS.name)
        share, hits["moved_cloud"] = geometry(condition, val, test)
        about = {"variant": name, "seed": seed, "share": share, "candidates": test.num_branches}
        about |= made(f"python experiments/geometry.py --runs {path}", begun)
        found = {method: encoded.by_object(values).tolist() for method, values in hits.items()}
        write_json(cell_path(folder, name, seed), about | {"hits": found})
        left = (time.monotonic() - begun) / (i + 1) * (len(missing) - i - 1) / 60
        means = {method: round(float(np.mean(v)), 3) for method, v in found.items()}
        print(f"{name}: {means} ({len(missing) - i - 1} left, ETA {left:.0f} min)", flush=True)


def geometry(condition: Condition, val: Store, test: Store) -> tuple[float, np.ndarray]:
    """The share that is best on validation objects, and its hits [s, k] on test objects."""
    some = np.linspace(0, val.num_states - 1, min(VALIDATION_STATES, val.num_states)).astype(int)
    tried = moved_cloud_hits(val, shares=SHARES, change=condition, states=some)
    share = max(tried, key=lambda each: tried[each].mean())
    return share, moved_cloud_hits(test, shares=(share,), change=condition)[share]


def report(out: Path, command: str) -> None:
    """Records and the picture of all cells that there are."""
    found = finished(out / "cells")
    records = {name: record(name, found[name], command) for name in CONDITIONS if name in found}
    write_claims(out / "claims/geometry.json", {f"geometry.fused_minus_moved_cloud.{k}": r for k, r in records.items()})
    draw(records, out / "figures/geometry.png")
    for name, each in records.items():
        words = f"fused less the moved cloud, H@1, {CONDITIONS[name].words}"
        print(plain(words, each, "fused", "moved_cloud", POINTS.name, RGB.name, ABSENT, "chance"))


def record(name: str, own: dict[int, dict], command: str) -> Record:
    seeds, about = sorted(own), next(iter(own.values()))
    values = {method: np.array([own[seed]["hits"][method] for seed in seeds]) for method in about["hits"]}
    ahead = over_seeds_and_objects(values[FUSED] - values["moved_cloud"])
    controls: dict[str, object] = {"chance": 1 / about["candidates"], "share": about["share"]}
    for method, each in values.items():
        share = share_over_seeds_and_objects(each)
        controls |= {method: round(share.value, 4), f"{method} 95 %": [round(float(end), 4) for end in share.ci95]}
    kind = CONDITIONS[name].kind
    controls["kind in training"] = bool(kind) and CORRUPTIONS[POINTS.name, kind].in_training
    return Record(
        ahead.value, ahead.ci95, seeds=len(seeds), n=ahead.n, unit="H@1 of 16, paired by object", controls=controls,
        command=command, commit=about["commit"], commits=tuple(dict.fromkeys(c["commit"] for c in own.values())),
        minutes=about["minutes"], machine=about["machine"],
    )  # fmt: skip


def draw(records: dict[str, Record], path: Path) -> None:
    """H@1 of both in every condition, with intervals."""
    y = np.arange(len(records))[::-1].astype(float)
    with picture(path, size=(5.6, 0.34 * len(records) + 1.6)) as (figure, axes):
        axis = axes[0]
        shown = (
            (FUSED, "ours, fused", FUSED, 0.12),
            ("moved_cloud", "moved cloud, nothing learned", "untrained", -0.12),
        )
        for method, words, colour, shift in shown:
            each = [_share(found, method) for found in records.values()]
            marks.dots(axis, each, y + shift, COLOURS[colour], words)
        marks.reference(axis, next(iter(records.values())).controls["chance"], "chance", vertical=True)
        axis.set_yticks(y, [CONDITIONS[name].words for name in records])
        axis.set(xlim=(0, 1), ylim=(-0.6, len(records) - 0.4), xlabel="H@1 of 16 outcomes, test objects")
        axis.set_title("What is wrong with the clouds", pad=16)
        legend_below(figure, [axis])


def _share(found: Record, method: str) -> Record:
    low, high = found.controls[f"{method} 95 %"]
    return Record(found.controls[method], (low, high))


if __name__ == "__main__":
    script.run("geometry", main)
