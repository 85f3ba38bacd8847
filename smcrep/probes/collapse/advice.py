"""Which cure to try for a named mechanism: the one that brought most use back on models in which it was planted.

`known_cures.json` is made from the published records (`python experiments/cures.py --advice`); a test holds it to them.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from smcrep.probes.intervals import Estimate

TABLE = Path(__file__).parent / "known_cures.json"
ENOUGH_USE = 0.75
"""What counts as brought back: at least so much of the healthy model's use,"""
MOST_COST = 3.0
"""for at most so many points of accuracy."""
NOTICED_USE = 0.2
"""A cure that brings back less is not named."""

WORDS = {
    "interventional": "rows in which the signal was set after the observation",
    "randomised": "exchanging between rows the inputs that may hold a leak",
    "negatives": "a loss that tells the outcome from those of other values in the same state",
    "inverse": "a head that reads the signal from the outcome and from the prediction",
    "inverse_kendall": "a head that reads the signal from the outcome, its loss weighed by its noise",
    "inverse_min_norm": "a head that reads the signal from the outcome, its gradient joined by the least norm",
    "inverse_upgrad": "a head that reads the signal from the outcome, its gradient joined by UPGrad",
    "dropout": "hiding the other signals at random",
    "staged": "training on the signal before the others",
    "ogm_ge": "smaller steps for signals that do well alone (OGM-GE)",
    "isotropy": "pulling embeddings to an isotropic Gaussian (SIGReg)",
    "standardised": "standardising the features of every signal on their way into the fusion",
    "film": "letting the signal scale and shift the fused features (FiLM)",
    "rollback": "going back to the weights of the look with the highest use",
    "replay": "going back to the best look, and on with rows from before it",
    "rollback_then_interventional": "going back to the best look, and on with rows in which the signal was set",
}
"""A cure of `smcrep.zoo.cures` in words."""


@dataclass(frozen=True)
class KnownCure:
    """What the records say of a cure.

    use          that came back, as a share of a healthy model's.
    cost         in points of accuracy on clean rows; below 0 the treated model is the better one.
    of_the_data  it needs other data: somebody must own them, or be able to intervene.
    untreated    use without a cure.
    """

    cure: str
    use: Estimate
    cost: Estimate
    of_the_data: bool
    untreated: float

    @property
    def brings_back(self) -> bool:
        return self.use.value >= ENOUGH_USE and self.cost.value <= MOST_COST


@cache
def known_cures() -> dict[str, tuple[KnownCure, ...]]:
    """Mechanism -> the best cure, and behind it the best that leaves the data as they are, where that is another."""
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    return {mechanism: tuple(_read(row) for row in rows) for mechanism, rows in table["cures"].items()}


def advice(mechanism: str) -> tuple[str, ...]:
    """Sentences for a reader whose signal is lost by ``mechanism``; none where nothing was tried on it."""
    cures = known_cures().get(mechanism, ())
    if not cures:
        return ()
    best, *others = cures
    if not best.brings_back:
        return (f"On models in which this was planted no cure in training helped {_at_most(best)}: mend its cause.",)
    found = [f"On models in which this was planted, {_measured(best)}; untreated they had {best.untreated:.0%}."]
    for other in others:
        helped = other.use.value >= NOTICED_USE
        found.append(
            f"With the data as they are, {_measured(other) if helped else f'nothing helped {_at_most(other)}'}."
        )
    return tuple(found)


def _measured(cure: KnownCure) -> str:
    (low, high), (least, most) = cure.use.ci95, cure.cost.ci95
    data = " (other data)" if cure.of_the_data else ""
    return (
        f"{WORDS[cure.cure]}{data} brought back {cure.use.value:.0%} of a healthy model's use (between {low:.0%} and "
        f"{high:.0%}) at a cost of {cure.cost.value:.1f} points of accuracy (between {least:.1f} and {most:.1f})"
    )


def _at_most(cure: KnownCure) -> str:
    low, high = cure.use.ci95
    return f"(the best brought back {cure.use.value:.0%} of a healthy model's use, between {low:.0%} and {high:.0%})"


def _read(row: dict[str, Any]) -> KnownCure:
    use, cost = (Estimate(row[name], tuple(row[f"{name}_ci95"]), row["n"]) for name in ("use", "cost"))
    return KnownCure(row["cure"], use, cost, row["of_the_data"], row["untreated"])
