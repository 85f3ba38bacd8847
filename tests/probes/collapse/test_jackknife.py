"""The interval of a mean is Student's, and that of a rank covers over units, not over rows."""

import numpy as np
import pytest

from smcrep.probes.collapse.alignment import alignment
from smcrep.probes.collapse.indicators import participation_ratio
from smcrep.probes.collapse.jackknife import over_left_out
from smcrep.probes.intervals import over_units


def mean(z: np.ndarray) -> float:
    return float(z.mean())


def test_of_a_mean_it_is_students_interval() -> None:
    z = np.random.default_rng(0).normal(size=15)
    found, expected = over_left_out(mean, z), over_units(z)
    assert found.value == pytest.approx(expected.value)
    assert found.ci95 == pytest.approx(expected.ci95)


def test_rows_of_one_unit_are_left_out_together() -> None:
    z = np.random.default_rng(0).normal(size=15)
    order = np.random.default_rng(1).permutation(45)
    rows, units = z.repeat(3)[order], np.arange(15).repeat(3)[order]
    assert over_left_out(mean, rows, units=units).ci95 == pytest.approx(over_left_out(mean, z).ci95)


def test_pairs_are_left_out_together() -> None:
    za, zb = np.random.default_rng(0).normal(size=(2, 30, 4))
    found = over_left_out(lambda a, b: float(alignment(a, b).mean()), za, zb, num_groups=30)
    assert found.ci95 == pytest.approx(over_units(alignment(za, zb)).ci95)


def test_the_interval_of_a_rank_holds_its_mean_in_most_of_200_simulated_tests() -> None:
    """100 states of 4 rows that share most of their embedding; the truth is the mean over tests, as bias is not its
    matter. 95 % of 200, less 3 deviations: 180."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        z = rng.normal(size=(100, 1, 6)) * [3, 2, 1, 1, 1, 1] + 0.3 * rng.normal(size=(100, 4, 6))
        found.append(over_left_out(participation_ratio, z.reshape(400, 6), units=np.arange(100).repeat(4)))
    truth = np.mean([estimate.value for estimate in found])
    assert 180 <= sum(e.ci95[0] <= truth <= e.ci95[1] for e in found) <= 199


def test_one_unit_and_other_numbers_of_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        over_left_out(mean, np.zeros(4), units=np.zeros(4))
    with pytest.raises(ValueError, match="give one a row"):
        over_left_out(mean, np.zeros(4), np.zeros(3))
