"""In a planted world each number is read from the part where it belongs; the penalty keeps the others out of it."""

from typing import Any

import numpy as np

from smcrep.objectives import SharedPrivateWeights
from tests.experiments.scripts import script

shared_private: Any = script("shared_private")


def scores(weights: SharedPrivateWeights | None) -> dict[str, float]:
    """Mean R2 of common and own numbers in shared and private parts, and of the other sense's numbers."""
    table = shared_private.found(weights, 0, steps=250, num_states=400)
    found: dict[str, list[float]] = {}
    for (part, number), decoded in table.items():
        sense, kind = part.split(", ")
        owner = number.split()[0]
        whose = "common" if owner == "common" else "own" if owner == sense else "foreign"
        found.setdefault(f"{whose} in {kind}", []).append(decoded.score.value)
    return {name: float(np.mean(values)) for name, values in found.items()}


def test_numbers_are_where_they_belong_and_the_penalty_keeps_them_there() -> None:
    free = scores(SharedPrivateWeights(orthogonality=0.0, orthogonality_of_shared=0.0))
    kept = scores(SharedPrivateWeights())
    for each in (free, kept):
        assert each["common in shared"] > 0.7
        assert each["own in private"] > 0.7
        assert max(each["foreign in shared"], each["foreign in private"]) < 0.05
    assert free["common in private"] > 0.4
    assert kept["common in private"] < 0.15
    assert kept["own in shared"] < 0.15
