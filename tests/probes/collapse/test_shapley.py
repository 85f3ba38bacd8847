"""Shapley values of games whose values are known: additive, redundant, synergistic, dead."""

from itertools import permutations

import numpy as np
import pytest
import torch

from smcrep.probes.collapse.adapter import KeywordModel
from smcrep.probes.collapse.shapley import shapley, values_of


def test_redundancy_and_synergy_are_split_evenly_and_a_dead_signal_has_0() -> None:
    def game(present: frozenset[str]) -> np.ndarray:
        either = bool(present & {"left", "right"})
        both = {"action", "mass"} <= present
        return np.array(6.0 * either + 4.0 * both + 1.0 * ("depth" in present))

    found = shapley(game, ("left", "right", "action", "mass", "depth", "dead"))
    expected = {"left": 3, "right": 3, "action": 2, "mass": 2, "depth": 1, "dead": 0}
    assert {name: float(value) for name, value in found.items()} == pytest.approx(expected)


def test_values_equal_the_mean_over_orders_of_arrival() -> None:
    rng = np.random.default_rng(0)
    names = ("a", "b", "c", "d")
    table = {frozenset(n for n, bit in zip(names, f"{k:04b}", strict=True) if bit == "1"): rng.normal(size=3)
             for k in range(16)}  # fmt: skip
    gains = {name: [] for name in names}
    for order in permutations(names):
        for place, name in enumerate(order):
            gains[name].append(table[frozenset(order[: place + 1])] - table[frozenset(order[:place])])
    found = shapley(table.__getitem__, names)
    for name in names:
        assert found[name] == pytest.approx(np.mean(gains[name], 0))
    assert sum(found.values()) == pytest.approx(table[frozenset(names)] - table[frozenset()])


def test_values_of_a_model_replace_what_is_absent() -> None:
    """Score 2 a + b of each row, absent signals are 0: 2 a and b."""
    a, b = torch.randn(2, 7, generator=torch.Generator().manual_seed(0))
    model = KeywordModel(lambda a, b: 2 * a + b, lambda y, batch: -y, signals=("a", "b"))
    found = shapley(values_of(model, {"a": a, "b": b}, {"a": a * 0, "b": b * 0}), model.signals)
    assert found["a"] == pytest.approx(2 * a.numpy(), abs=1e-6)
    assert found["b"] == pytest.approx(b.numpy(), abs=1e-6)


def test_too_many_and_repeated_signals_are_refused() -> None:
    for names in (tuple("abcdefghi"), ("a", "a"), ()):
        with pytest.raises(ValueError, match="1 to 8 different"):
            shapley(lambda present: np.zeros(()), names)
