"""Do encoders pretrained only in our world recognise furniture that they never saw, from few labels?

    python experiments/modelnet10.py --run runs/ours [SEED2 ...] --baseline simclr=runs/simclr[,SEED2 ...]     # 3 min.

ModelNet10 as 1,024-point clouds ($SMCREP_DATA/modelnet10_points1024). The cloud encoder is frozen; on it is fitted

  modelnet10.svm             a linear SVM: official split, all labels of the training side (3,991 less copies)
  modelnet10.10wayKshot      linear SVMs on K labelled shapes of each class, 50 draws (frozen protocol of CrossPoint,
                             but with support from the training side and 20 queries a class from the test side; *not*
                             the fine-tuned folds of Point-BERT). ``.class_means``: the nearest class mean instead.

beside chance, the same networks untrained and the encoders of each --baseline; several runs of a variant are its seeds.
Near-duplicates of test shapes are left out of the training side. How clouds are shown, which features are used and the
SVM's C are chosen for each variant and protocol by one rule: the best on shapes held out from the training side.
Intervals are over groups of test shapes, seeds and, with few labels, draws. Expected: above the untrained encoders
and SimCLR.

Leaves claims/modelnet10.json and figures/modelnet10.png in --out.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from smcrep import script
from smcrep.data.duplicates import THRESHOLD, near_duplicates
from smcrep.data.readers.modelnet import Shapes, open_modelnet10
from smcrep.data.views import looking_from, visible_points
from smcrep.evaluation.comparison import bounds
from smcrep.evaluation.sentence import percent
from smcrep.hub import build_model, from_pretrained
from smcrep.models.model import SensorimotorModel
from smcrep.pretraining.recipes import data_folder
from smcrep.probes.few_shot import centred_centroid, classify, sample_across
from smcrep.probes.intervals import grouped_parts, of_share, symmetric
from smcrep.probes.svm import choose_c, svm_correct, svm_episodes
from smcrep.provenance import stamped
from smcrep.report import figures
from smcrep.results import Record, write_claims
from smcrep.senses import POINTS

SEED = 0
SHOTS = (1, 2, 5, 10, 20, 50)
NUM_QUERY = 20
ELEVATION_DEG = 35.0  # the world's cameras look down by 25 to 52 degrees
DISTANCE = 5.8  # of the cloud's mean, in rms radii: the median of the world's observations
SCALES = (0.5, 1.0)  # rms radius over the sense's scale_m; in the world .3 to 1.8, median .9
NUM_SEEN = 256  # points of a partial view
SHOWN = {  # azimuths, and whether hidden points are removed; features are averaged over views
    "whole": ((45.0,), False),
    "one view": ((45.0,), True),
    "four views": ((45.0, 135.0, 225.0, 315.0), True),
}
PARTS = ("pooled", "trunk", "invariant", "both")
HELD_OUT, CHOICE_C = 0.25, 0.01
PER_CLASS = 200  # shapes of a class that the choice is made on
Features = dict[str, list[np.ndarray]]
"""Variant -> float32 [shapes, d] for each of its seeds."""


@dataclass(frozen=True)
class Choice:
    """How the clouds of a variant are shown, which of its features are used, with which C."""

    shown: str
    scale: float
    part: str
    c: float
    held_out: float  # accuracy there, before the C was chosen

    def __str__(self) -> str:
        return f"{self.shown} at {self.scale} x scale_m, {self.part}, C {self.c}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, nargs="+", required=True, help="our runs, one a seed")
    parser.add_argument("--baseline", nargs="*", default=[], metavar="NAME=RUN,RUN", help="runs of other variants")
    data = data_folder("modelnet10_points1024")
    parser.add_argument("--data-root", type=Path, default=data, help="folder of modelnet10_points1024.npz")
    parser.add_argument("--out", type=Path, default=Path("runs/modelnet10"), help="folder of the claims and the figure")
    parser.add_argument("--draws", type=script.at_least(1), default=50, help="draws of labelled shapes")
    parser.add_argument("--tiny", action="store_true", help="few shapes and draws, to see that it runs")
    arguments = parser.parse_args()
    begun = time.monotonic()
    variants = load_variants(arguments.run, arguments.baseline)
    shapes = open_modelnet10(arguments.data_root / "modelnet10_points1024.npz")
    shots, draws, shown = SHOTS, arguments.draws, list(SHOWN)
    if arguments.tiny:
        shapes, shots, draws, shown = shapes[first_of_each(shapes, 25)], (1, 10), 3, shown[:2]

    shapes, groups, duplicates = without_duplicates(shapes)
    seen = {name: show(shapes.points, *SHOWN[name]) for name in shown}
    chosen = {variant: choose(models, seen, shapes, groups) for variant, models in variants.items()}
    records = {"modelnet10.near_duplicates": duplicates}
    for protocol, evaluate in {"svm": all_labels, "few": partial(few_labels, shots=shots, draws=draws)}.items():
        how = {variant: choices[protocol] for variant, choices in chosen.items()}
        for variant, choice in how.items():
            print(f"{protocol}, {variant}: {choice} ({choice.held_out:.3f} on shapes held out)", flush=True)
        features = {
            variant: [encode(model, seen[c.shown], c.scale)[c.part] for model in variants[variant]]
            for variant, c in how.items()
        }
        records |= evaluate(features, how, shapes, groups)
    draw(records, list(variants), shots, arguments.out / "figures/modelnet10.png")

    records = stamped(records, f"python experiments/modelnet10.py {' '.join(sys.argv[1:])}", begun)
    write_claims(arguments.out / "claims/modelnet10.json", records)
    others = [variant for variant in variants if variant != "ours"]
    print(percent("linear SVM accuracy, all labels", records["modelnet10.svm"], "chance", *others))
    for k in shots:
        print(percent(f"10-way {k}-shot accuracy", records[f"modelnet10.10way{k}shot"], "chance", *others))


def load_variants(runs: list[Path], baselines: list[str]) -> dict[str, list[SensorimotorModel]]:
    """Variant -> one model a seed; ``untrained`` are as many as ours, of its configuration."""
    folders: dict[str, list[Path]] = {"ours": runs}
    for item in baselines:
        name, equals, paths = item.partition("=")
        if not (name and equals and paths) or name in (*folders, "untrained"):
            raise ValueError(f"--baseline {item}: give NAME=RUN or NAME=RUN,RUN; ours and untrained are taken")
        folders[name] = [Path(p) for p in paths.split(",")]
    variants = {name: [from_pretrained(path) for path in paths] for name, paths in folders.items()}
    for name, models in variants.items():
        for path, model in zip(folders[name], models, strict=True):
            if POINTS.name not in model.config.senses:
                raise ValueError(f"{path}: its model has no sense {POINTS.name!r}; give a run trained with it")
    untrained = []
    for seed, model in enumerate(variants["ours"]):
        torch.manual_seed(seed)
        untrained.append(build_model(model.config).eval())
    return variants | {"untrained": untrained}


def first_of_each(shapes: Shapes, count: int) -> np.ndarray:
    """The first ``count`` rows of each class on each side."""
    sides = 2 * shapes.labels + shapes.is_test
    return np.concatenate([np.flatnonzero(sides == side)[:count] for side in np.unique(sides)])


def without_duplicates(shapes: Shapes) -> tuple[Shapes, np.ndarray, Record]:
    """Shapes less those of the training side that a test shape nearly repeats; the near-duplicate group of each."""
    groups = near_duplicates(shapes.points)
    sizes = np.bincount(groups)
    spoilt = ~shapes.is_test & np.isin(groups, groups[shapes.is_test])
    several = sizes[sizes > 1]
    found = {"groups": len(several), "shapes": int(several.sum()), "largest": int(sizes.max()), "threshold": THRESHOLD}
    print(f"{spoilt.sum()} training shapes nearly repeat test shapes and are left out", flush=True)
    record = Record(float(spoilt.sum()), n=len(shapes), unit="training shapes left out", controls=found)
    return shapes[~spoilt], groups[~spoilt], record


def show(points: np.ndarray, azimuths: tuple[float, ...], hidden_removed: bool) -> list[np.ndarray]:
    """One float32 [s, n, 3] a view: in the camera's frame, rms radius 1, mean at `DISTANCE` before the camera."""
    rng = np.random.default_rng(SEED)
    centred = points - points.mean(1, keepdims=True)
    centred = centred / np.sqrt((centred**2).sum(-1).mean(1))[:, None, None]
    views = []
    for azimuth in azimuths:
        clouds = centred @ looking_from(azimuth, ELEVATION_DEG).T.astype(np.float32)
        clouds += np.array([0, 0, DISTANCE], np.float32)
        if hidden_removed:
            rows = [visible_points(cloud) for cloud in clouds]
            rows = [rng.choice(r, NUM_SEEN, replace=len(r) < NUM_SEEN) for r in rows]
            clouds = np.stack([cloud[r] for cloud, r in zip(clouds, rows, strict=True)])
        views.append(clouds)
    return views


@torch.no_grad()
def encode(model: SensorimotorModel, views: list[np.ndarray], scale: float) -> dict[str, np.ndarray]:
    """Part -> float32 [s, d], the mean over views."""
    encoder, head, pooled = model.encoders[POINTS.name], model.heads[POINTS.name], []
    hook = encoder.backbone.register_forward_hook(lambda module, given, found: pooled.append(found))  # type: ignore
    found: dict[str, list] = {part: [] for part in PARTS}
    metres = scale * model.config.senses[POINTS.name].scale_m
    try:
        for clouds in views:
            trunks = [encoder(c) for c in (torch.from_numpy(clouds) * metres).split(256)]
            invariant, equivariant = (torch.cat(parts) for parts in zip(*trunks, strict=True))
            mean = head(invariant, equivariant)[0]
            parts = torch.cat(pooled), invariant, mean[:, : model.config.invariant_dim], mean
            pooled.clear()
            for name, part in zip(PARTS, parts, strict=True):
                found[name].append(part)
    finally:
        hook.remove()
    return {name: torch.stack(parts).mean(0).numpy() for name, parts in found.items()}


def choose(
    models: list[SensorimotorModel], seen: dict[str, list[np.ndarray]], shapes: Shapes, groups: np.ndarray
) -> dict[str, Choice]:
    """For each protocol the best on a quarter of the training side, no near-duplicate of which is fitted on; mean over
    the models. What is best with all labels need not be with ten."""
    rows = first_of_each(shapes, PER_CLASS)
    rows = rows[~shapes.is_test[rows]]
    names = np.unique(groups[rows])
    held = np.isin(groups[rows], np.random.default_rng(SEED).permutation(names)[: int(HELD_OUT * len(names))])
    y, order = shapes.labels[rows], np.argsort(held, kind="stable")
    num_query, rng = min(10, int(np.bincount(y[held]).min())), np.random.default_rng(SEED)
    few = sample_across(y[~held], y[held], k_shot=10, num_episodes=20, num_query=num_query, rng=rng)
    right: dict[str, dict[tuple[str, float, str], float]] = {"svm": {}, "few": {}}
    for shown, views in seen.items():
        for scale in SCALES:
            found = [encode(model, [view[rows] for view in views], scale) for model in models]
            for part in PARTS:
                z = [f[part] for f in found]
                scores = [svm_correct(**sides(f, y, held), c=CHOICE_C).mean() for f in z]
                right["svm"][shown, scale, part] = float(np.mean(scores))
                right["few"][shown, scale, part] = float(np.mean([svm_episodes(f[order], few) for f in z]))
    best = {protocol: max(scores, key=scores.__getitem__) for protocol, scores in right.items()}
    shown, scale, part = best["svm"]
    z = [encode(model, [view[rows] for view in seen[shown]], scale)[part] for model in models]
    chosen = [choose_c(fit=f[~held], fit_labels=y[~held], held_out=f[held], held_out_labels=y[held]) for f in z]
    strengths = {"svm": sorted(chosen)[len(z) // 2], "few": 1.0}
    return {name: Choice(*how, strengths[name], right[name][how]) for name, how in best.items()}


def sides(z: np.ndarray, labels: np.ndarray, is_test: np.ndarray) -> dict[str, np.ndarray]:
    """What an SVM is fitted to, and what it is tested on, by the names that it takes them by."""
    return {"train": z[~is_test], "train_labels": labels[~is_test], "test": z[is_test], "test_labels": labels[is_test]}


def all_labels(features: Features, how: dict[str, Choice], shapes: Shapes, groups: np.ndarray) -> dict[str, Record]:
    test, y = shapes.is_test, shapes.labels
    correct = {
        variant: np.array([svm_correct(**sides(z, y, test), c=how[variant].c) for z in models])
        for variant, models in features.items()
    }
    majority = float(np.bincount(y[test]).max() / test.sum())
    return {"modelnet10.svm": compared(correct, how, groups[test], chance=0.1, majority=majority)}


def few_labels(
    features: Features, how: dict[str, Choice], shapes: Shapes, groups: np.ndarray, *, shots: Sequence[int], draws: int
) -> dict[str, Record]:
    order = np.argsort(shapes.is_test, kind="stable")  # the training side first, as `sample_across` counts
    y, num_train = shapes.labels[order], int((~shapes.is_test).sum())
    records = {}
    for k in shots:
        rng = np.random.default_rng(SEED)
        episodes = sample_across(
            y[:num_train], y[num_train:], k_shot=k, num_episodes=draws, num_query=NUM_QUERY, rng=rng
        )
        queries = groups[order][episodes.query].ravel()
        which = np.repeat(np.arange(draws), episodes.query[0].size)
        classifiers = {"": svm_episodes, ".class_means": lambda z, e: classify(z, e, centred_centroid)}
        for ending, classifier in classifiers.items():
            correct = {
                variant: np.array([classifier(z[order], episodes).ravel() for z in models])
                for variant, models in features.items()
            }
            records[f"modelnet10.10way{k}shot{ending}"] = compared(correct, how, queries, which, chance=0.1)
    return records


def compared(
    correct: dict[str, np.ndarray], chosen: dict[str, Choice], *crossed: np.ndarray, **controls: float | str
) -> Record:
    """Ours as a record, the other variants and ours minus theirs among its controls.

    correct  variant -> bool or float [seeds, queries].
    crossed  groupings of the queries that the intervals are over, and over seeds; a difference is paired by query, and
             by seed where both variants have as many (else it is over our seeds alone).
    """
    correct = {variant: right.astype(np.float64) for variant, right in correct.items()}
    ours = of_share(*grouped_parts(correct["ours"], *crossed))
    for variant, right in correct.items():
        controls |= {f"{variant}_read": str(chosen[variant])}
        controls |= {f"{variant}_by_seed": " ".join(f"{x:.4f}" for x in right.mean(1))}
        if variant != "ours":
            controls |= bounds(variant, of_share(*grouped_parts(right, *crossed)))
            paired = len(right) == len(correct["ours"])
            ahead = correct["ours"] - (right if paired else right.mean(0))
            controls |= bounds(f"minus_{variant}", symmetric(*grouped_parts(ahead, *crossed)))
    return Record(ours.value, ours.ci95, seeds=len(correct["ours"]), n=ours.n, unit="accuracy", controls=controls)


def draw(records: dict[str, Record], variants: list[str], shots: Sequence[int], path: Path) -> None:
    ours = {k: records[f"modelnet10.10way{k}shot"] for k in shots}
    curves, ahead = {"ours": ours}, {}
    for variant in variants[1:]:
        curves[variant], ahead[variant] = (
            {k: Record(r.controls[n], (r.controls[f"{n}_low"], r.controls[f"{n}_high"])) for k, r in ours.items()}
            for n in (variant, f"minus_{variant}")
        )
    figures.few_shot_ahead(curves, ahead, 0.1, "ModelNet10, 10 classes, frozen encoders", path)


if __name__ == "__main__":
    script.run("modelnet10", main)
