"""The interval of a median over rounds: the orders of the binomial distribution, and coverage counted."""

import importlib.util
from types import ModuleType

import numpy as np
import pytest

from tests.experiments.scripts import EXPERIMENTS


@pytest.fixture(scope="module")
def ratios() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_ratios", EXPERIMENTS / "benchmarks/ratios.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("rounds", "wanted"), [(2, (1, 2)), (5, (1, 5)), (6, (1, 6)), (10, (2, 9)), (15, (4, 12)), (30, (10, 21))]
)
def test_the_ends_are_the_orders_of_tables_of_the_sign_test(
    ratios: ModuleType, rounds: int, wanted: tuple[int, int]
) -> None:
    value, interval = ratios.median(np.random.default_rng(0).permutation(rounds) + 1.0)
    assert value == (rounds + 1) / 2
    assert interval == wanted
    assert ratios.median(np.array([3.0])) == (3.0, None)


def test_coverage_of_skewed_rounds(ratios: ModuleType) -> None:
    draws = np.random.default_rng(0).lognormal(size=(2000, 10))
    held = [low <= 1 <= high for _, (low, high) in map(ratios.median, draws)]
    assert np.mean(held) == pytest.approx(0.9785, abs=0.015)  # 1 - 2 P(at most 1 of 10)
