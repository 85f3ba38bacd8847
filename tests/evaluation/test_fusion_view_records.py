"""Records of real views, of cells that were planted."""

from typing import Any

import numpy as np
import pytest

from smcrep.evaluation.fusion_records import CLEAN, FEARED, OURS
from smcrep.evaluation.fusion_view_records import over_folds, view_records
from smcrep.probes.intervals import over_units

ABOUT = {"commit": "c", "machine": "m", "minutes": 1.0}


def cells(ours: dict[str, float], seed: int = 0) -> dict[str, dict[int, dict[str, Any]]]:
    """Three folds of 40 units; ours as given, rivals .8, others .5, all but for one noise that they share."""
    rng = np.random.default_rng(seed)
    found: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in ours}
    for fold in range(3):
        shared = rng.normal(0, 0.02, 40)
        for name, level in ours.items():
            level_of = {OURS: level, "equal": 0.8, "only_a": 0.5, FEARED: 0.7, "precision": 0.75, "qmf": 0.6}
            accuracy = {m: (v + shared).tolist() for m, v in level_of.items()}
            known = name.endswith(".known.1.00")
            found[name][fold] = {"accuracy": accuracy, "in_training": known, **ABOUT, "minutes": 1.0 + fold}
    return found


def test_differences_are_paired_and_against_the_best() -> None:
    records = view_records("x", cells({CLEAN: 0.9, "a.known.1.00": 0.85, "b.unknown.1.00": 0.95}), "python x")
    noisy = records["fusion.real.x.gain.noisy"]
    assert noisy.value == pytest.approx(0.1)
    assert noisy.ci95 == pytest.approx((0.1, 0.1))
    assert noisy.controls["against"] == "equal"
    assert records["fusion.real.x.gain.clean"].value == pytest.approx(0.1)
    assert records["fusion.real.x.gain.over_dynamic"].value == pytest.approx(0.3)
    assert records["fusion.real.x.gain.over_transformer"].value == pytest.approx(0.2)
    cell = records["fusion.real.x.cell.a.known.1.00"]
    assert (cell.controls["kind in training"], cell.controls[FEARED]) == (True, pytest.approx(0.7, abs=0.01))
    assert (cell.seeds, cell.n, cell.minutes) == (3, 118, 6.0)


def test_a_cell_that_loses_more_than_a_point_is_counted() -> None:
    found = {CLEAN: 0.9, "a.known.1.00": 0.785, "b.unknown.1.00": 0.795, "a.unknown.1.00": 0.78}
    record = view_records("x", cells(found), "python x")["fusion.real.x.never_worse.cells"]
    assert (record.value, record.n) == (2, 3)
    assert record.controls["with a point deficit"] == 2
    assert record.controls["point deficits of kinds in training"] == 1
    assert record.controls["point deficits of precision"] == 3
    assert record.controls["point deficits of equal"] == 0
    assert record.controls["a.unknown.1.00 less equal"] == pytest.approx(-0.02)


def test_a_fold_that_lacks_a_cell_is_left_out() -> None:
    some = cells({CLEAN: 0.9, "a.known.1.00": 0.85})
    del some["a.known.1.00"][1]
    assert view_records("x", some, "python x")["fusion.real.x.gain.noisy"].seeds == 2
    for own in some.values():
        own.clear()
    with pytest.raises(ValueError, match="no fold has all its cells"):
        view_records("x", some, "python x")


def test_without_effects_of_folds_it_is_the_interval_over_units() -> None:
    values = np.random.default_rng(0).normal(0.5, 0.1, (3, 200))
    values -= values.mean(1, keepdims=True) - 0.5
    ours, plain = over_folds(list(values)), over_units(values.ravel())
    assert ours.value == pytest.approx(plain.value)
    assert ours.ci95 == pytest.approx(plain.ci95, abs=2e-4)


def test_intervals_hold_the_truth_where_folds_differ() -> None:
    rng, hits = np.random.default_rng(1), 0
    for _ in range(400):
        fold = rng.normal(0, 0.05, 3)
        found = over_folds([rng.normal(0.5 + f, 0.1, 60) for f in fold])
        hits += found.ci95[0] <= 0.5 <= found.ci95[1]
    assert 0.9 <= hits / 400 <= 1
