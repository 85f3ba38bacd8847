"""Records of outcomes under faults, from the cells of `experiments/fusion_outcomes.py`."""

from typing import Any

import numpy as np

from smcrep.evaluation.fusion_records import CLEAN, EMBEDDING, OURS, STATIC, TOLD, Accuracy, Cells, gain, never_worse
from smcrep.probes.intervals import over_seeds_and_objects, share_over_seeds_and_objects
from smcrep.results import Record

PREFIX = "fusion.outcome"


def outcome_records(cells: Cells, command: str) -> dict[str, Record]:
    """Every claim, from the seeds in which all cells are there; ``command`` made them."""
    seeds = sorted(set.intersection(*(set(own) for own in cells.values())))
    if not seeds or CLEAN not in cells:
        raise ValueError("fusion.outcome: no run has all its cells; run the same command again")
    first = cells[CLEAN][seeds[0]]
    commits = tuple(dict.fromkeys(own[seed]["commit"] for own in cells.values() for seed in seeds))
    minutes = round(sum(max(own[seed]["minutes"] for own in cells.values()) for seed in seeds), 2)
    stamp: dict[str, Any] = {"commit": first["commit"], "machine": first["machine"], "minutes": minutes}
    stamp |= {"command": command, "commits": commits}
    accuracy: Accuracy = {
        name: {m: np.array([own[seed]["accuracy"][m] for seed in seeds]) for m in first["accuracy"]}
        for name, own in cells.items()
    }
    faulty = [name for name in accuracy if name != CLEAN]
    records = {}
    for name, own in accuracy.items():
        found = share_over_seeds_and_objects(own[OURS])
        controls: dict[str, Any] = {m: round(float(v.mean()), 4) for m, v in own.items() if m != OURS}
        controls |= {"chance": 1 / first["num_outcomes"], "kind in training": cells[name][seeds[0]]["in_training"]}
        records[f"{PREFIX}.cell.{name}"] = Record(
            found.value, found.ci95, seeds=len(seeds), n=found.n, unit="H@1", controls=controls, **stamp
        )
    records[f"{PREFIX}.never_worse.cells"] = never_worse(accuracy, faulty, stamp)
    records[f"{PREFIX}.gain.noisy"] = gain(accuracy, faulty, STATIC, stamp)
    records[f"{PREFIX}.gain.clean"] = gain(accuracy, [CLEAN], STATIC, stamp)
    records[f"{PREFIX}.gain.over_embedding"] = gain(accuracy, faulty, (EMBEDDING,), stamp)
    mean = np.stack([np.mean([accuracy[cell][m] for cell in faulty], 0) for m in (OURS, TOLD)], -1)
    regret = over_seeds_and_objects(mean, statistic=lambda m: 1 - m[..., 0] / m[..., 1])
    controls = {m: float(v) for m, v in zip((OURS, TOLD), mean.mean((0, 1)), strict=True)}
    records[f"{PREFIX}.regret"] = Record(
        regret.value, regret.ci95, seeds=len(seeds), n=regret.n, unit="of the H@1 told", controls=controls, **stamp
    )
    return records
