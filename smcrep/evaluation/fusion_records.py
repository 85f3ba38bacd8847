"""Records of the suite of fusion, from its cells."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from smcrep.corruptions import CORRUPTIONS
from smcrep.evaluation.broken_senses import ABSENT
from smcrep.evaluation.fusion_checks import LEVEL, slope, spearman
from smcrep.probes.intervals import over_seeds_and_objects, share_over_seeds_and_objects
from smcrep.results import Record

OURS, EMBEDDING, UNWEIGHTED, TOLD = "ours", "ours_embedding", "ours_unweighted", "ours_told"
CLEAN, DESTROYED = "clean", "all.destroyed.1.00"
SWAPPED = "swapped"
"""With this begin the names of cells of swapped reliability."""
STATIC = ("equal", "precision", "concatenation")
FEARED = "late_fusion_transformer"
NUM_WORST = 8
"""Cells that the record names, those in which ours loses most."""
DYNAMIC = ("qmf", "pdf", "tmc", "udml")
Cells = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""Name of a cell -> seed -> what `experiments/fusion.py` wrote of it."""
Accuracy = dict[str, dict[str, np.ndarray]]
"""Name of a cell -> method -> float64 [seeds, objects]."""


def fusion_records(cells: Cells, command: str) -> dict[str, Record]:
    """All claims that the cells support; those of our head where it is among the methods. ``command`` made them."""
    swapped = {name: own for name, own in cells.items() if name.startswith(f"{SWAPPED}.")}
    cells = {name: own for name, own in cells.items() if name not in swapped}
    about = next(iter(cells[CLEAN].values()))
    commits = tuple(dict.fromkeys(cell["commit"] for own in cells.values() for cell in own.values()))
    stamp = {name: about[name] for name in ("commit", "machine", "minutes")}
    stamp |= {"command": command, "commits": commits}
    accuracy = _accuracy(cells)
    if OURS not in about["accuracy"]:
        return {}
    records = {f"fusion.cell.{name}": _cell(cells[name], accuracy[name], stamp) for name in accuracy}
    faulty = [name for name in accuracy if name not in (CLEAN, DESTROYED)]
    records["fusion.never_worse.cells"] = never_worse(accuracy, faulty, stamp)
    records |= {
        "fusion.gain.noisy": gain(accuracy, faulty, STATIC, stamp),
        "fusion.gain.clean": gain(accuracy, [CLEAN], STATIC, stamp),
        "fusion.gain.mixed": gain(accuracy, [CLEAN] * len(faulty) + faulty, STATIC, stamp),  # half of the queries each
    }
    if set(DYNAMIC) & set(about["accuracy"]):
        records["fusion.gain.over_dynamic"] = gain(accuracy, faulty, DYNAMIC, stamp)
    if gone := [name for name in faulty if f".{ABSENT}." in name]:
        records["fusion.dropout.beyond"] = _beyond_dropout(accuracy, gone, stamp)
    if {TOLD, EMBEDDING, UNWEIGHTED} <= set(about["accuracy"]):
        records |= _oracle(accuracy, faulty, stamp)
    if swapped:
        under = _accuracy(swapped)
        records[f"fusion.{SWAPPED}.never_worse.cells"] = never_worse(under, list(under), stamp)
        records[f"fusion.{SWAPPED}.gain.noisy"] = gain(under, list(under), STATIC, stamp)
    return records | _precision(cells, stamp) | _coverage(cells, stamp)


def _accuracy(cells: Cells) -> Accuracy:
    return {
        name: {m: np.array([own[seed]["accuracy"][m] for seed in sorted(own)]) for m in own[min(own)]["accuracy"]}
        for name, own in cells.items()
    }


def _cell(own: Mapping[int, Mapping[str, Any]], accuracy: dict[str, np.ndarray], stamp: dict[str, Any]) -> Record:
    found, about = share_over_seeds_and_objects(accuracy[OURS]), next(iter(own.values()))
    controls: dict[str, Any] = {m: round(float(v.mean()), 4) for m, v in accuracy.items() if m != OURS}
    weight = np.mean([np.mean(cell["described"]["weight"], 0) for cell in own.values()], 0)
    controls |= {f"weight of {name}": round(float(w), 3) for name, w in zip(about["senses"], weight, strict=True)}
    controls |= {"chance": 1 / about["shots"]["n_way"], "kind in training": about["in_training"]}
    return Record(found.value, found.ci95, seeds=len(own), n=found.n, unit="accuracy", controls=controls, **stamp)


def never_worse(accuracy: Accuracy, faulty: list[str], stamp: dict[str, Any]) -> Record:
    """Cells in which ours loses more than a point, or may lose more than two, to the best of each sense alone, equal
    weights and the tuned late-fusion transformer, chosen cell by cell on the very objects: hard on ours. The lower
    bound holds over all cells at once (Bonferroni, one-sided)."""
    methods = accuracy[faulty[0]]
    singles = [m for m in methods if m.startswith("only_")]
    rivals = [m for m in (*singles, "equal", FEARED) if m in methods]
    found = {}
    for name in faulty:
        by_method = accuracy[name]
        rival = max(rivals, key=lambda m: by_method[m].mean())
        difference = over_seeds_and_objects(by_method[OURS] - by_method[rival])
        half = (difference.ci95[1] - difference.ci95[0]) / 2 / stats.norm.ppf(0.975)
        bound = difference.value - half * stats.norm.ppf(1 - 0.05 / len(faulty))
        found[name] = (round(difference.value, 4), round(float(bound), 4), rival)
    worse = [name for name, (value, bound, _) in found.items() if value < -0.01 or bound < -0.02]
    controls: dict[str, Any] = {
        "cells": len(faulty),
        "with a point deficit": sum(value < -0.01 for value, _, _ in found.values()),
        "of kinds in training": sum(name in worse for name in faulty if _is_known(name)),
    }
    for name in sorted(found, key=lambda name: found[name][0])[:NUM_WORST]:
        controls |= {f"{name} less {found[name][2]}": found[name][0], f"{name}, lower bound": found[name][1]}
    return Record(len(worse), n=len(faulty), unit="cells", controls=controls, **stamp)


def _is_known(name: str) -> bool:
    sense, kind, _ = name.split(".", 2)
    return (sense, kind) in CORRUPTIONS and CORRUPTIONS[sense, kind].in_training


def gain(accuracy: Accuracy, over: list[str], rivals: tuple[str, ...], stamp: dict[str, Any]) -> Record:
    """Ours less the best of ``rivals``, in the mean over the cells ``over``."""
    mean = {m: np.mean([accuracy[cell][m] for cell in over], 0) for m in accuracy[over[0]]}
    best = max((m for m in rivals if m in mean), key=lambda m: mean[m].mean())
    difference = over_seeds_and_objects(mean[OURS] - mean[best])
    controls = {m: round(float(v.mean()), 4) for m, v in mean.items()} | {"against": best}
    return Record(
        difference.value, difference.ci95, seeds=len(mean[OURS]), n=difference.n, unit="accuracy", controls=controls,
        **stamp,
    )  # fmt: skip


def _beyond_dropout(accuracy: Accuracy, gone: list[str], stamp: dict[str, Any]) -> Record:
    """Ours less the best of each sense alone, where a sense is absent from every query (in training, from at most .4 of
    observations): the worst of the senses."""
    singles = [m for m in accuracy[CLEAN] if m.startswith("only_")]
    best = {name: max(singles, key=lambda m: accuracy[name][m].mean()) for name in gone}
    found = {name: over_seeds_and_objects(accuracy[name][OURS] - accuracy[name][best[name]]) for name in gone}
    worst = min(found.values(), key=lambda estimate: estimate.value)
    controls: dict[str, Any] = {f"{name} less {best[name]}": round(own.value, 4) for name, own in found.items()}
    others = [m for m in accuracy[CLEAN] if m != OURS and m not in singles]
    for m in others:
        controls[m] = round(min(float((accuracy[n][m] - accuracy[n][best[n]]).mean()) for n in gone), 4)
    seeds = len(accuracy[gone[0]][OURS])
    return Record(worst.value, worst.ci95, seeds=seeds, n=worst.n, unit="accuracy", controls=controls, **stamp)


def _oracle(accuracy: Accuracy, faulty: list[str], stamp: dict[str, Any]) -> dict[str, Record]:
    """Of what weights could add to the embedding of our head, were the fault of each query known: the share that its
    own add, and what is lost to it; mean over faulty cells."""
    mean = {m: np.mean([accuracy[cell][m] for cell in faulty], 0) for m in (EMBEDDING, UNWEIGHTED, TOLD)}
    values = np.stack(list(mean.values()), -1)
    share = over_seeds_and_objects(values, statistic=lambda m: (m[..., 0] - m[..., 1]) / (m[..., 2] - m[..., 1]))
    regret = over_seeds_and_objects(values, statistic=lambda m: 1 - m[..., 0] / m[..., 2])
    about: dict[str, Any] = {"seeds": len(values), "controls": {m: float(v.mean()) for m, v in mean.items()}, **stamp}
    return {
        "fusion.oracle.share": Record(share.value, share.ci95, n=share.n, unit="of (told - unweighted)", **about),
        "fusion.oracle.regret": Record(regret.value, regret.ci95, n=regret.n, unit="of the told accuracy", **about),
    }


def _precision(cells: Cells, stamp: dict[str, Any]) -> dict[str, Record]:
    """For each sense: rank correlation of the predicted variance with the severity, over kinds of mean 0, and the slope
    of its logarithm on that of the true variance, over cells of all kinds."""
    found = {}
    some = [cell for own in cells.values() for cell in own.values() if len(cell["faults"]) == 1]
    for m, sense in enumerate(some[0]["senses"]):
        own = [(cell["faults"][0], cell["described"]) for cell in some if cell["faults"][0]["sense"] == sense]
        own = [(fault, seen) for fault, seen in own if (sense, fault["kind"]) in CORRUPTIONS]
        mean_0 = [(fault, seen) for fault, seen in own if CORRUPTIONS[sense, fault["kind"]].zero_mean]
        if len({fault["severity"] for fault, _ in mean_0}) < 2:
            continue
        of_kind = {}
        for kind in sorted({fault["kind"] for fault, _ in mean_0}):
            severity = np.array([fault["severity"] for fault, _ in mean_0 if fault["kind"] == kind])
            variance = np.array([np.array(seen["variance"])[:, m] for fault, seen in mean_0 if fault["kind"] == kind])
            of_kind[kind] = spearman(severity, variance)
        predicted, true = (np.array([np.mean(seen[key], 0)[m] for _, seen in own]) for key in ("variance", "error"))
        seeds = {"seeds": len(cells[CLEAN])}
        found[f"fusion.precision.spearman.{sense}"] = Record(
            min(of_kind.values()), n=len(mean_0), unit="rank correlation", controls=of_kind, **seeds, **stamp
        )
        found[f"fusion.precision.slope.{sense}"] = Record(
            slope(predicted, true), n=len(own), unit="log-log slope over cells", **seeds, **stamp
        )
    return found


def _coverage(cells: Cells, stamp: dict[str, Any]) -> dict[str, Record]:
    """Clean observations that are called unusual, with each set of senses, beside the nominal share; and how sure the
    head is where every sense is destroyed."""
    found = {}
    for name in (CLEAN, *(name for name in cells if f".{ABSENT}." in name)):
        own = cells[name]
        share = share_over_seeds_and_objects(np.array([own[seed]["described"]["unusual"] for seed in sorted(own)]))
        label = "all" if name == CLEAN else f"without_{name.split('.')[0]}"
        found[f"fusion.coverage.{label}"] = Record(
            share.value, share.ci95, seeds=len(own), n=share.n, unit="share called unusual",
            controls={"nominal": LEVEL}, **stamp,
        )  # fmt: skip
    if DESTROYED in cells:
        ways = next(iter(cells[DESTROYED].values()))["shots"]["n_way"]
        sure = {name: [cell["confidence"] * ways for cell in cells[name].values()] for name in (DESTROYED, CLEAN)}
        embedded = [cell["described"]["confidence"] * ways for cell in cells[DESTROYED].values()]
        found["fusion.destroyed.confidence"] = Record(
            float(np.mean(sure[DESTROYED])), seeds=len(embedded), unit="confidence over chance",
            controls={"clean": float(np.mean(sure[CLEAN])), EMBEDDING: float(np.mean(embedded))}, **stamp,
        )  # fmt: skip
    return found
