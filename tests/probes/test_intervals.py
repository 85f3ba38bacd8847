"""Intervals against scipy and closed forms, over the outermost unit, and coverage counted by repetition."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import special, stats

from smcrep.probes.few_shot import few_shot
from smcrep.probes.intervals import (
    Estimate,
    grouped_parts,
    of_share,
    over_seeds,
    over_seeds_and_objects,
    over_seeds_and_units,
    over_units,
    share_over_seeds_and_objects,
    share_over_units,
    symmetric,
)
from smcrep.probes.retrieval import Ranks, summarise


def width(estimate: Estimate) -> float:
    return estimate.ci95[1] - estimate.ci95[0]


def test_over_seeds_equals_scipys_t_interval() -> None:
    values = np.random.default_rng(0).normal(size=7)
    wanted = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    for found in (over_seeds(values), over_units(values), over_seeds_and_objects(values[None])):
        assert found.value == pytest.approx(values.mean())
        assert found.ci95 == pytest.approx((wanted.low, wanted.high))
        assert found.n == 7


def test_copies_within_a_unit_add_no_information() -> None:
    """20 values, each stored 50 times: by unit as wide as 20, by row sqrt(50) times narrower (and t for normal)."""
    values = np.random.default_rng(0).normal(size=20)
    copies, names = np.repeat(values, 50), np.repeat(np.arange(20), 50)
    rows, few, united = over_units(copies), over_units(values), over_units(copies, names)
    assert united.ci95 == pytest.approx(few.ci95)
    ratio = stats.t.ppf(0.975, 999) / stats.t.ppf(0.975, 19) * np.sqrt(19 / 999)
    assert width(rows) == pytest.approx(width(few) * ratio)
    assert (rows.n, few.n, united.n) == (1000, 20, 20)


def test_units_of_unequal_size_have_the_variance_of_a_ratio() -> None:
    """Against the jackknife in a plain loop, which knows no formula; both are first-order."""
    rng = np.random.default_rng(0)
    names = np.repeat(np.arange(40), rng.integers(5, 12, 40))
    values = rng.normal(size=40)[names] + rng.normal(size=len(names))
    without = np.array([values[names != name].mean() for name in range(40)])
    error = np.sqrt(39 / 40 * np.square(without - without.mean()).sum())
    found = over_units(values, names)
    assert found.value == pytest.approx(values.mean())
    assert width(found) == pytest.approx(2 * stats.t.ppf(0.975, 39) * error, rel=0.05)


PLANTED = np.tile([0.0, 1.0], 6)
"""Share of each of 12 objects: all its queries are right, or none."""


def by_retrieval(states: int) -> Estimate:
    higher = 1 - np.repeat(PLANTED, states).astype(int)[:, None].repeat(4, 1)
    return summarise(Ranks(higher, np.ones_like(higher), 5), np.repeat(np.arange(12), states)).hits[1]


def by_few_shot(states: int) -> Estimate:
    """Two classes of six objects; one object of each looks like the other class."""
    objects = np.repeat(np.arange(12), states)
    labels = objects % 2
    z = np.eye(2)[np.where(objects < 2, 1 - labels, labels)]
    rng = np.random.default_rng(0)
    return few_shot(z, labels, None, k_shot=20, rng=rng, num_episodes=200, units=objects)


@pytest.mark.parametrize(
    "estimate", [by_retrieval, lambda s: share_over_units(np.repeat(PLANTED, s), np.repeat(np.arange(12), s))]
)
def test_with_all_variance_between_objects_many_states_leave_the_interval_as_wide(
    estimate: Callable[[int], Estimate],
) -> None:
    """The closed form over 12 objects, however many states there are: the score interval of 1/2 with k = t_11^2 / 11,
    which is 1/2 -+ sqrt(k / (1 + k)) / 2."""
    found = estimate(50)
    k = stats.t.ppf(0.975, 11) ** 2 / 11
    half = np.sqrt(k / (1 + k)) / 2
    assert found.value == 0.5
    assert found.n == 12
    assert found.ci95 == pytest.approx((0.5 - half, 0.5 + half), abs=0.002)
    assert estimate(5).ci95 == pytest.approx(found.ci95)


def test_few_shot_accuracy_has_the_object_for_its_unit() -> None:
    few, many = by_few_shot(8), by_few_shot(80)
    assert (few.n, many.n) == (12, 12)
    assert width(many) == pytest.approx(width(few), rel=0.1)
    assert width(many) > 0.3


def test_a_paired_difference_is_narrower_than_its_parts() -> None:
    rng = np.random.default_rng(0)
    hard = rng.normal(size=200)  # what both encoders find hard
    pair = np.stack([hard + 0.2 + 0.1 * rng.normal(size=200), hard], 1)
    gap = over_units(pair, statistic=lambda m: m[..., 0] - m[..., 1])
    assert gap.ci95 == pytest.approx(over_units(pair[:, 0] - pair[:, 1]).ci95)
    assert gap.ci95[0] > 0.15
    assert width(gap) < width(over_units(pair[:, 0])) / 5


def test_ratio_of_two_means_has_its_interval() -> None:
    rng = np.random.default_rng(5)
    bottom = rng.uniform(1, 2, (3, 10))

    def ratio(means: np.ndarray) -> np.ndarray:
        return means[..., 0] / means[..., 1]

    exact = over_seeds_and_objects(np.stack([0.7 * bottom, bottom], -1), statistic=ratio)
    assert exact.value == pytest.approx(0.7)
    assert exact.ci95 == pytest.approx((0.7, 0.7), abs=1e-6)
    top = bottom + rng.normal(0, 0.1, (1, 10))
    deviations = (top - bottom * top.mean() / bottom.mean()) / bottom.mean()  # of a ratio, by the delta method
    found = over_seeds_and_objects(np.stack([top, bottom], -1), statistic=ratio)
    assert width(found) == pytest.approx(width(over_seeds_and_objects(deviations)), rel=1e-4)


def test_parts_of_seeds_and_objects_equal_the_analysis_of_variance() -> None:
    """Mean squares in plain loops; the quantile lies between those of the two parts."""
    rng = np.random.default_rng(3)
    y = rng.normal(size=(3, 1)) + rng.normal(size=(1, 8)) + 0.3 * rng.normal(size=(3, 8))
    total = y.mean()
    by_seed = sum(8 * (y[s].mean() - total) ** 2 for s in range(3)) / 2
    by_object = sum(3 * (y[:, o].mean() - total) ** 2 for o in range(8)) / 7
    left = sum((y[s, o] - y[s].mean() - y[:, o].mean() + total) ** 2 for s in range(3) for o in range(8)) / 14
    objects, seeds = by_object / 24, (by_seed - left) / 24
    t = [stats.t.ppf(0.975, n - 1) for n in (8, 3)]
    half = (t[0] * objects + t[1] * seeds) / np.sqrt(objects + seeds)
    assert over_seeds_and_objects(y).ci95 == pytest.approx((total - half, total + half))


def simulated(
    rng: np.random.Generator, seeds: int, objects: int, middle: float, by_seed: float, by_object: float
) -> np.ndarray:
    """Shares [200, seeds, objects] of 100 binary queries, whose log odds have effects of seed and object."""
    odds = middle + by_seed * rng.normal(size=(200, seeds, 1)) + by_object * rng.normal(size=(200, 1, objects))
    return rng.binomial(100, special.expit(odds + 0.3 * rng.normal(size=odds.shape))) / 100


def expected(middle: float, *deviations: float) -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    return float(weights @ special.expit(middle + nodes * np.hypot.reduce([0.3, *deviations])) / weights.sum())


@pytest.mark.parametrize(
    ("seeds", "objects", "middle", "by_seed", "by_object"),
    [(3, 15, 0.3, 0.2, 1), (3, 7, 0.3, 0.2, 1), (1, 15, 0.3, 0, 1), (3, 39, 0.3, 0.5, 0.7), (3, 15, 3, 0.3, 1)],
)
def test_coverage_is_about_95_percent(
    seeds: int, objects: int, middle: float, by_seed: float, by_object: float
) -> None:
    """200 repetitions: a true 95 % shows 91.5 to 98.5 %; the percentile bootstrap shows 85 % of 3 and 7."""
    values = simulated(np.random.default_rng(0), seeds, objects, middle, by_seed, by_object)
    truth = expected(middle, by_seed, by_object)
    found = [share_over_seeds_and_objects(each).ci95 for each in values]
    assert 0.915 <= np.mean([low <= truth <= high for low, high in found]) <= 0.99
    assert all(0 <= low <= high <= 1 for low, high in found)
    ahead = values - simulated(np.random.default_rng(1), seeds, objects, middle, by_seed, by_object)
    differences = [over_seeds_and_objects(each).ci95 for each in ahead]
    assert 0.915 <= np.mean([low <= 0 <= high for low, high in differences]) <= 0.99


def test_shares_that_are_all_right_have_a_width_and_equal_ones_elsewhere_a_point() -> None:
    perfect = share_over_seeds_and_objects(np.ones((3, 15)))
    assert perfect.value == perfect.ci95[1] == 1
    assert 0.8 < perfect.ci95[0] < 0.95
    chance = share_over_units(np.full(40, 1 / 16))
    assert chance.ci95 == (1 / 16, 1 / 16)


def test_groupings_and_seeds_all_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    rows, columns = np.repeat(np.arange(40), 30), np.tile(np.arange(30), 40)
    covered = {"both": 0, "rows": 0}
    for _ in range(100):
        values = rng.normal(size=40)[rows] + rng.normal(size=30)[columns] + rng.normal(size=1200)
        for name, groupings in {"both": (rows, columns), "rows": (rows,)}.items():
            low, high = symmetric(*grouped_parts(values[None], *groupings)).ci95
            covered[name] += low < 0 < high
    assert covered["both"] > 90
    assert covered["rows"] < 88  # over one of the two it misses what the other shares
    seeds = np.array([[0.4], [0.5], [0.6]]) + np.zeros(1200)
    assert symmetric(*grouped_parts(seeds, rows)).ci95 == pytest.approx(over_seeds(np.array([0.4, 0.5, 0.6])).ci95)
    assert of_share(*grouped_parts(seeds, rows)).value == pytest.approx(0.5)


def test_variances_of_seeds_and_units_add_and_more_seeds_keep_that_of_units() -> None:
    each = [Estimate(v, (v - 0.3, v + 0.4), 50) for v in (0.5, 0.6, 0.7)]
    found = over_seeds_and_units(each)
    half = 4.3027 * 0.1 / np.sqrt(3)  # Student's t on 2 degrees of freedom
    assert found.value == pytest.approx(0.6)
    assert found.ci95 == pytest.approx((0.6 - np.hypot(half, 0.3), 0.6 + np.hypot(half, 0.4)), rel=1e-4)
    assert found.n == 50
    alike = [Estimate(0.6, (0.3, 1.0), 50)] * 9
    assert over_seeds_and_units(alike).ci95 == pytest.approx((0.3, 1.0))
    assert over_seeds_and_units(alike[:1]) == alike[0]
    assert str(Estimate(0.5, (0.25, 0.75), 9)) == "0.500 [0.250, 0.750] (n=9)"


def test_too_few_units_and_what_is_no_share_are_refused() -> None:
    for call, words in (
        (lambda: over_seeds(np.ones(1)), "at least 2 seeds"),
        (lambda: over_units(np.ones(4), np.zeros(4)), "4 values of 1 units"),
        (lambda: over_units(np.ones(4), np.zeros(3)), "4 values and 3 units"),
        (lambda: over_units(np.full(4, np.nan)), "NaN"),
        (lambda: share_over_units(np.array([0.5, 1.5])), r"shares from 0\.5 to 1\.5"),
        (lambda: over_seeds_and_units([]), "no estimates"),
        *[
            (lambda values=values: over_seeds_and_objects(values), "over_seeds_and_objects: ")
            for values in (np.ones(4), np.ones((2, 1)), np.full((2, 3), np.nan), np.ones((0, 3)))
        ],
    ):
        with pytest.raises(ValueError, match=words):
            call()
