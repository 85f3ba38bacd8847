"""Records of the cures, from cells: strengths and cures are chosen on seeds of their own, and reported on others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from smcrep.probes.collapse.advice import ENOUGH_USE, MOST_COST
from smcrep.probes.intervals import Estimate, over_seeds
from smcrep.results import Record

NONE, TWIN = "none", "twin"
BEST_OF = ("leak", "starvation", "late")
"""Mechanisms with a record of their best cure."""
HEALTHY_USE = 0.5
"""A model with nothing planted that makes less of the signal than this share of the oracle is no measure of health: its
world is left out for that architecture and seed. Contrastive models are that where the signal acts by a product."""


@dataclass(frozen=True)
class Outcome:
    """One treated model.

    use      of the suspected signal, as a share of that of the healthy models of the same world, architecture and seed.
    cost     points of accuracy below those models.
    healthy  their use by the functional oracle.
    """

    mechanism: str
    cure: str
    strength: float
    architecture: str
    seed: int
    use: float
    cost: float
    healthy: float = 1.0


def outcomes_of(cells: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Of cells {"cure", "architecture", "seed", "models": [{"mechanism", "world", "strength", "use", "accuracy"}]},
    those of `TWIN` among them."""
    twins: dict[tuple[str, int, str], list[Mapping[str, float]]] = {}
    for cell in (cell for cell in cells if cell["cure"] == TWIN):
        for model in cell["models"]:
            twins.setdefault((cell["architecture"], cell["seed"], model["world"]), []).append(model)
    found = []
    for cell in (cell for cell in cells if cell["cure"] != TWIN):
        for model in cell["models"]:
            own = twins[cell["architecture"], cell["seed"], model["world"]]
            healthy, accuracy = (float(np.mean([twin[name] for twin in own])) for name in ("use", "accuracy"))
            if healthy < HEALTHY_USE:
                continue
            about = cell["cure"], model["strength"], cell["architecture"], cell["seed"]
            cost = 100 * (accuracy - model["accuracy"])
            found.append(Outcome(model["mechanism"], *about, model["use"] / healthy, cost, healthy))
    return found


def merit(outcomes: Sequence[Outcome]) -> float:
    """What is chosen by: mean use, of which more than the healthy model's is no gain; ten points of cost over the bar
    outweigh all of it."""
    return merit_of(*(float(np.mean([getattr(o, name) for o in outcomes])) for name in ("use", "cost")))


def merit_of(use: float, cost: float) -> float:
    return min(use, 1.0) - max(0.0, cost - MOST_COST) / 10


def chosen_strengths(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], float]:
    """(mechanism, cure) -> strength."""
    keys = dict.fromkeys((o.mechanism, o.cure) for o in outcomes)
    found = {}
    for key in keys:
        own = [o for o in outcomes if (o.mechanism, o.cure) == key]
        strengths = dict.fromkeys(o.strength for o in own)
        found[key] = max(strengths, key=lambda s: merit([o for o in own if o.strength == s]))
    return found


def best_cures(outcomes: Sequence[Outcome], allowed: Sequence[str]) -> dict[str, str]:
    """Mechanism -> the cure of most merit among those ``allowed``, each at the strength chosen for it."""
    strengths = chosen_strengths(outcomes)
    found = {}
    for mechanism in dict.fromkeys(o.mechanism for o in outcomes):
        merits = {
            cure: merit([o for o in outcomes if (o.mechanism, o.cure, o.strength) == (mechanism, cure, strength)])
            for (m, cure), strength in strengths.items()
            if m == mechanism and cure in allowed
        }
        if merits:
            found[mechanism] = max(merits, key=lambda cure: merits[cure])
    return found


def cure_records(
    selection: Sequence[Outcome], reported: Sequence[Outcome], of_the_data: Mapping[str, bool]
) -> dict[str, Record]:
    """collapse.cure.MECHANISM.CURE, and collapse.cure.MECHANISM of the best cure. {} where a seed is missing.

    of_the_data  cure -> whether it changes the data.
    """
    if len({o.seed for o in reported}) < 2:
        return {}
    strengths = chosen_strengths(selection)
    records = {}
    for (mechanism, cure), strength in strengths.items():
        own = [o for o in reported if (o.mechanism, o.cure, o.strength) == (mechanism, cure, strength)]
        if len({o.seed for o in own}) > 1:
            controls = {"strength": strength, "of_the_data": of_the_data.get(cure, False)}
            records[f"collapse.cure.{mechanism}.{cure}"] = _record(own, controls)
    tried = [cure for cure in dict.fromkeys(o.cure for o in selection) if cure != NONE]
    best = best_cures(selection, tried)
    without = best_cures(selection, [cure for cure in tried if not of_the_data.get(cure, False)])
    for mechanism in BEST_OF:
        record = records.get(f"collapse.cure.{mechanism}.{best.get(mechanism)}")
        if record is None:
            continue
        controls = {"cure": best[mechanism], **record.controls}
        untreated = records.get(f"collapse.cure.{mechanism}.{NONE}")
        if untreated:
            controls |= {"untreated": untreated.value, "untreated_task_cost": untreated.controls["task_cost"]}
        other = records.get(f"collapse.cure.{mechanism}.{without.get(mechanism)}")
        if other:
            controls |= {"without_new_data": without[mechanism], "without_new_data_use": other.value}
            controls |= {"without_new_data_task_cost": other.controls["task_cost"]}
        records[f"collapse.cure.{mechanism}"] = replace(record, controls=controls)
    return records


def _record(own: Sequence[Outcome], controls: Mapping[str, Any]) -> Record:
    use, cost = (_over_seeds(own, name) for name in ("use", "cost"))
    all_controls = {
        "task_cost": cost.value,
        "task_cost_low": cost.ci95[0],
        "task_cost_high": cost.ci95[1],
        "healthy_use": float(np.mean([o.healthy for o in own])),
        "over_the_bar": float(np.mean([o.use >= ENOUGH_USE and o.cost <= MOST_COST for o in own])),
        **controls,
    }
    return Record(use.value, use.ci95, use.n, len(own), "use, as a share of the healthy model's", all_controls)


def _over_seeds(own: Sequence[Outcome], name: str) -> Estimate:
    """Architectures of one seed share a world: their mean is one value."""
    seeds = dict.fromkeys(o.seed for o in own)
    return over_seeds(np.array([np.mean([getattr(o, name) for o in own if o.seed == seed]) for seed in seeds]))
