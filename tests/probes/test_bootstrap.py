"""Whole units are drawn, and the percentiles are those at which few units give Student's t."""

import numpy as np
import pytest
from scipy import stats

from smcrep.probes.bootstrap import resampled_means, widened_interval


def test_clusters_of_unequal_size_against_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    names = np.repeat(np.array(["a", "b", "c", "d", "e"]), [1, 2, 3, 10, 4])
    values = rng.normal(size=20) + (names == "d")
    loop = []
    for _ in range(5000):
        drawn = rng.choice(list("abcde"), 5)
        loop.append(np.concatenate([values[names == name] for name in drawn]).mean())
    mean, found = resampled_means(values, names, rng=rng, num_resamples=5000)
    assert mean == pytest.approx(values.mean())
    assert np.percentile(found, [2.5, 97.5]) == pytest.approx(np.percentile(loop, [2.5, 97.5]), abs=0.05)


def test_of_normal_values_the_interval_is_students() -> None:
    values = np.random.default_rng(0).normal(size=12)
    mean, resampled = resampled_means(values, None, rng=np.random.default_rng(1), num_resamples=40_000)
    found = widened_interval(float(mean[0]), resampled[:, 0], 12)
    wanted = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.ci95[1] - found.ci95[0] == pytest.approx(wanted.high - wanted.low, rel=0.05)
    plain = np.percentile(resampled, [2.5, 97.5])
    assert plain[1] - plain[0] < 0.9 * (wanted.high - wanted.low)


def test_the_interval_holds_the_value() -> None:
    assert widened_interval(2.0, np.array([0.0, 1.0]), 50).ci95[1] == 2.0


def test_too_few_units_are_refused() -> None:
    for clusters, words in ((np.zeros(4), "1 clusters"), (np.zeros(3), "4 values and 3 clusters")):
        with pytest.raises(ValueError, match=words):
            resampled_means(np.ones(4), clusters, rng=np.random.default_rng(0))
