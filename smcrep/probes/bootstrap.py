"""Intervals by drawing whole units with replacement, for what has no formula: R2, rank correlation, utilisation."""

import numpy as np
from scipy import stats

from smcrep.probes.intervals import Estimate

NUM_RESAMPLES = 2000


def num_units(values: np.ndarray, clusters: np.ndarray | None) -> int:
    return len(values) if clusters is None else len(np.unique(clusters))


def widened_interval(value: float, resampled: np.ndarray, n: int) -> Estimate:
    """Percentiles of ``resampled`` [r], at the levels at which n units drawn from a normal distribution give Student's
    t interval (the expanded percentile interval of Hesterberg 2015, section 4.5): plain ones at 2.5 and 97.5 % are too
    narrow by sqrt((n - 1) / n) and by the ratio of the quantiles of t and normal. Widened to hold ``value`` where a
    skew leaves it outside."""
    level = float(stats.norm.cdf(-stats.t.ppf(0.975, n - 1) * np.sqrt(n / (n - 1))))
    low, high = np.quantile(resampled, [level, 1 - level])
    return Estimate(value, (min(float(low), value), max(float(high), value)), n)


def resampled_means(
    values: np.ndarray, clusters: np.ndarray | None, *, rng: np.random.Generator, num_resamples: int = NUM_RESAMPLES
) -> tuple[np.ndarray, np.ndarray]:
    """Means over rows [c], and the same in each bootstrap resample of whole clusters [r, c].

    values [n, c]; clusters [n]: names of what the rows of one unit share (object); None: every row is a unit.
    """
    values = np.asarray(values, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if clusters is not None and len(clusters) != len(values):
        raise ValueError(
            f"bootstrap: {len(values)} values and {len(clusters)} clusters; give one cluster for each value"
        )
    member = np.arange(len(values)) if clusters is None else np.unique(clusters, return_inverse=True)[1].ravel()
    sizes = np.bincount(member) if len(member) else np.zeros(0)
    g = len(sizes)
    if g < 2:
        raise ValueError(f"bootstrap: {len(values)} values in {g} clusters; an interval needs at least 2 clusters")
    sums = np.stack([np.bincount(member, column) for column in values.T], 1)
    counts = rng.multinomial(g, np.full(g, 1 / g), size=num_resamples)
    return sums.sum(0) / sizes.sum(), (counts @ sums) / (counts @ sizes)[:, None]
