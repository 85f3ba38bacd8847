"""Intervals against scipy, planted clusters, and coverage counted by repetition."""

import numpy as np
import pytest
from scipy import stats

from smcrep.probes.intervals import (
    Estimate,
    cluster_bootstrap,
    crossed_bootstrap,
    over_seeds,
    over_seeds_and_objects,
    over_seeds_and_units,
    percentile_interval,
)


def test_over_seeds_equals_scipys_t_interval() -> None:
    values = np.random.default_rng(0).normal(size=7)
    found = over_seeds(values)
    wanted = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.value == pytest.approx(values.mean())
    assert found.ci95 == pytest.approx((wanted.low, wanted.high))
    assert found.n == 7


def test_bootstrap_of_independent_rows_equals_scipys() -> None:
    values = np.random.default_rng(0).exponential(size=60)
    found = cluster_bootstrap(values, rng=np.random.default_rng(1), num_resamples=20_000)
    wanted = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(2)
    ).confidence_interval
    assert found.ci95 == pytest.approx((wanted.low, wanted.high), abs=0.01)


def test_copies_within_a_cluster_add_no_information() -> None:
    """20 values, each stored 50 times: by cluster as wide as 20, by row sqrt(50) times narrower."""
    values = np.random.default_rng(0).normal(size=20)
    copies, names = np.repeat(values, 50), np.repeat(np.arange(20), 50)
    rows, few, clustered = (
        cluster_bootstrap(v, c, rng=np.random.default_rng(1), num_resamples=8000)
        for v, c in ((copies, None), (values, None), (copies, names))
    )
    width = [e.ci95[1] - e.ci95[0] for e in (rows, few, clustered)]
    assert width[2] == pytest.approx(width[1], rel=0.05)
    assert width[0] == pytest.approx(width[1] / np.sqrt(50), rel=0.05)
    assert (rows.n, few.n, clustered.n) == (1000, 20, 20)


def test_clusters_of_unequal_size_against_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    names = np.repeat(np.array(["a", "b", "c", "d", "e"]), [1, 2, 3, 10, 4])
    values = rng.normal(size=20) + (names == "d")
    loop = []
    for _ in range(5000):
        drawn = rng.choice(list("abcde"), 5)
        loop.append(np.concatenate([values[names == name] for name in drawn]).mean())
    found = cluster_bootstrap(values, names, rng=rng, num_resamples=5000)
    assert found.value == pytest.approx(values.mean())
    assert found.ci95 == pytest.approx(np.percentile(loop, [2.5, 97.5]), abs=0.05)


def test_a_paired_difference_is_narrower_than_its_parts() -> None:
    rng = np.random.default_rng(0)
    hard = rng.normal(size=200)  # what both encoders find hard
    pair = np.stack([hard + 0.2 + 0.1 * rng.normal(size=200), hard], 1)
    gap = cluster_bootstrap(pair, rng=rng, statistic=lambda m: m[..., 0] - m[..., 1])
    assert gap.value == pytest.approx(0.2, abs=0.03)
    assert gap.ci95[0] > 0.15
    alone = [cluster_bootstrap(pair[:, i], rng=rng) for i in range(2)]
    assert alone[0].ci95[0] < alone[1].ci95[1]


def test_coverage_is_about_95_percent() -> None:
    """40 clusters of 3 rows that share their cluster's effect; true mean 0, 300 repetitions."""
    rng = np.random.default_rng(0)
    names, held = np.repeat(np.arange(40), 3), 0
    for _ in range(300):
        values = np.repeat(rng.normal(size=40), 3) + rng.normal(size=120)
        low, high = cluster_bootstrap(values, names, rng=rng, num_resamples=400).ci95
        held += low <= 0 <= high
    assert 0.90 <= held / 300 <= 0.99


def test_the_interval_holds_the_value_and_prints() -> None:
    estimate = percentile_interval(2.0, np.array([0.0, 1.0]), 5)
    assert estimate.ci95 == (pytest.approx(0.025), 2.0)
    assert str(Estimate(0.5, (0.25, 0.75), 9)) == "0.500 [0.250, 0.750] (n=9)"


def test_too_few_units_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 seeds"):
        over_seeds(np.ones(1))
    with pytest.raises(ValueError, match="1 clusters"):
        cluster_bootstrap(np.ones(4), np.zeros(4), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="4 values and 3 clusters"):
        cluster_bootstrap(np.ones(4), np.zeros(3), rng=np.random.default_rng(0))


def crossed(rng: np.random.Generator, seeds: int, objects: int, by_seed: float, by_object: float) -> np.ndarray:
    return by_seed * rng.normal(size=(seeds, 1)) + by_object * rng.normal(size=(1, objects))


def test_seeds_and_objects_both_widen_the_interval() -> None:
    """Against the closed form of the pigeonhole bootstrap: variances of the two axes add."""
    rng = np.random.default_rng(3)
    for by_seed, by_object in ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0)):
        values = crossed(rng, 40, 50, by_seed, by_object)
        found = over_seeds_and_objects(values, rng=rng)
        variance = values.mean(1).var() / 40 + values.mean(0).var() / 50
        assert found.ci95[1] - found.ci95[0] == pytest.approx(2 * 1.96 * variance**0.5, rel=0.1)
        assert found.value == pytest.approx(values.mean())


def test_paired_difference_removes_shared_variation() -> None:
    rng = np.random.default_rng(4)
    shared = crossed(rng, 3, 15, 1.0, 1.0)
    better = shared + 0.1 + 0.001 * rng.normal(size=shared.shape)
    assert over_seeds_and_objects(better - shared, rng=rng).ci95[0] > 0.09
    alone = [over_seeds_and_objects(v, rng=rng) for v in (better, shared)]
    assert alone[0].ci95[0] < alone[1].ci95[1]


def test_ratio_of_two_means_has_its_interval() -> None:
    rng = np.random.default_rng(5)
    bottom = rng.uniform(1, 2, (3, 10))
    values = np.stack([0.7 * bottom, bottom], -1)
    found = over_seeds_and_objects(values, rng=rng, statistic=lambda m: m[..., 0] / m[..., 1])
    assert found.value == pytest.approx(0.7)
    assert found.ci95 == pytest.approx((0.7, 0.7))


@pytest.mark.parametrize("values", [np.ones(4), np.ones((2, 1)), np.full((2, 3), np.nan), np.ones((0, 3))])
def test_values_without_seeds_or_objects_are_refused(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="over_seeds_and_objects: "):
        over_seeds_and_objects(values, rng=np.random.default_rng(0))


def test_crossed_intervals_cover_what_rows_and_columns_share() -> None:
    covered, narrow = 0, 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        rows, columns = np.repeat(np.arange(40), 30), np.tile(np.arange(30), 40)
        values = rng.normal(size=40)[rows] + rng.normal(size=30)[columns] + rng.normal(size=1200)
        low, high = crossed_bootstrap(values, rows, columns, rng=rng, num_resamples=300).ci95
        covered += low < 0 < high
        low, high = cluster_bootstrap(values, rows, rng=rng, num_resamples=300).ci95
        narrow += low < 0 < high
    assert covered / 200 > 0.91
    assert narrow / 200 < 0.9  # over one of the two it misses what the other shares


def test_crossed_by_one_grouping_is_the_cluster_bootstrap() -> None:
    values, groups = np.random.default_rng(0).normal(size=90), np.arange(90) // 3
    one = crossed_bootstrap(values, groups, rng=np.random.default_rng(1))
    other = cluster_bootstrap(values, groups, rng=np.random.default_rng(1))
    assert (one.value, one.n) == (other.value, other.n)
    np.testing.assert_allclose(one.ci95, other.ci95)


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
    with pytest.raises(ValueError, match="no estimates"):
        over_seeds_and_units([])
