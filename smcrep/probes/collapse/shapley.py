"""Shapley values of signals: each one's share of what all of them bring, whatever repeats whatever."""

from collections.abc import Callable, Mapping
from itertools import combinations
from math import factorial

import numpy as np
import torch
from torch import Tensor

from smcrep.probes.collapse.adapter import Adapter, Batch

MOST_SIGNALS = 8
"""2^8 = 256 sets of signals; beyond that exact values cost too much."""

Value = Callable[[frozenset[str]], np.ndarray]
"""Signals that are present -> what they bring, [] or [b] for each row."""


def shapley(value: Value, signals: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Exact Shapley value of each signal i of m, [] or [b] as ``value`` gives (Shapley 1953):

        sum over sets S without i of |S|! (m - |S| - 1)! / m! (v(S + i) - v(S))

    They sum to v(all) - v(none). A signal that never changes v has 0; two that repeat each other have half each.
    Linear in v: those of rows [b] have a mean and an interval (`intervals.over_units`). Cost: v of 2^m sets.

    What it cannot see: synergy is split like redundancy, so half of what two signals bring can mean either; and it
    depends on what an absent signal is replaced with (`values_of`).
    """
    if not 1 <= len(signals) <= MOST_SIGNALS or len(set(signals)) != len(signals):
        raise ValueError(f"shapley: signals {signals}; give 1 to {MOST_SIGNALS} different names")
    m = len(signals)
    sets = [frozenset(chosen) for size in range(m + 1) for chosen in combinations(signals, size)]
    values = {present: np.asarray(value(present), np.float64) for present in sets}
    weights = [factorial(size) * factorial(m - size - 1) / factorial(m) for size in range(m)]
    return {
        name: np.asarray(
            sum(weights[len(s)] * (values[s | {name}] - values[s]) for s in sets if name not in s), np.float64
        )
        for name in signals
    }


def values_of(adapter: Adapter, batch: Batch, absent: Mapping[str, Tensor]) -> Value:
    """v(S) [b] for `shapley`: the adapter's score with the signals outside S replaced by what ``absent`` holds for each
    (`replacement`: of other rows, zeros, a mean ...)."""

    def value(present: frozenset[str]) -> np.ndarray:
        with torch.no_grad():
            score = adapter.score(batch, {name: absent[name] for name in adapter.signals if name not in present})
        return score.double().cpu().numpy()

    return value
