"""Estimates with a 95 % interval: over seeds, or over clusters of observations that share an object or a state."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

NUM_RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """value, its 95 % interval, and the number of independent units behind it."""

    value: float
    ci95: tuple[float, float]
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.ci95[0]:.3f}, {self.ci95[1]:.3f}] (n={self.n})"


def over_seeds(values: np.ndarray) -> Estimate:
    """Mean of independent runs [n >= 2] with Student's t interval on n - 1 degrees of freedom."""
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"over_seeds: values of shape {values.shape}; give one value for each of at least 2 seeds")
    mean, n = float(values.mean()), len(values)
    half = float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return Estimate(mean, (mean - half, mean + half), n)


def over_seeds_and_units(estimates: Sequence[Estimate]) -> Estimate:
    """Mean of one metric measured on the same units by runs of several seeds, with an interval over both.

    The half widths add in squares: that of the units (mean over seeds; the units are shared, so more seeds do not make
    it smaller) and that of the seeds (`over_seeds`). A single seed keeps its own interval. ``n`` counts units.
    """
    if not estimates:
        raise ValueError("over_seeds_and_units: no estimates; give one for each seed")
    if len(estimates) == 1:
        return estimates[0]
    between = over_seeds(np.array([e.value for e in estimates]))
    half = between.ci95[1] - between.value
    below = np.hypot(half, np.mean([e.value - e.ci95[0] for e in estimates]))
    above = np.hypot(half, np.mean([e.ci95[1] - e.value for e in estimates]))
    return Estimate(between.value, (between.value - float(below), between.value + float(above)), estimates[0].n)


def cluster_bootstrap(
    values: np.ndarray,
    clusters: np.ndarray | None = None,
    *,
    rng: np.random.Generator,
    statistic: Callable[[np.ndarray], np.ndarray] | None = None,
    num_resamples: int = NUM_RESAMPLES,
) -> Estimate:
    """A statistic of means with its percentile bootstrap interval, whole clusters being drawn with replacement.

    values     [n], or [n, c] where the statistic joins several means taken over the same rows (a difference of two
               encoders on the same queries is paired that way).
    clusters   [n] names of what the rows of one unit share (object, state); None: every row is a unit.
    statistic  means [..., c] -> [...]; None: the mean itself, values being [n].

    The interval is about 1 / g too narrow with g clusters, as every percentile bootstrap.
    """
    join = statistic or (lambda means: means[..., 0])
    mean, resampled = resampled_means(values, clusters, rng=rng, num_resamples=num_resamples)
    return percentile_interval(float(join(mean)), join(resampled), num_units(values, clusters))


def crossed_bootstrap(
    values: np.ndarray, *crossed: np.ndarray, rng: np.random.Generator, num_resamples: int = NUM_RESAMPLES
) -> Estimate:
    """Mean of ``values`` [n] with an interval over several crossed groupings at once, such as test shapes and
    draws of labelled shapes: half widths of `cluster_bootstrap` over each, added in quadrature. This leaves out the
    subtracted term of the variance of Cameron, Gelbach & Miller (2011), so it is slightly too wide. n: units of the
    coarsest grouping."""
    each = [cluster_bootstrap(values, clusters, rng=rng, num_resamples=num_resamples) for clusters in crossed]
    value = each[0].value
    below, above = (float(np.hypot.reduce([e.ci95[side] - value for e in each])) for side in (0, 1))
    return Estimate(value, (value - below, value + above), min(e.n for e in each))


def num_units(values: np.ndarray, clusters: np.ndarray | None) -> int:
    return len(values) if clusters is None else len(np.unique(clusters))


def percentile_interval(value: float, resampled: np.ndarray, n: int) -> Estimate:
    """2.5th and 97.5th percentile of ``resampled`` [r], widened to hold ``value`` where a skew leaves it outside."""
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Estimate(value, (min(float(low), value), max(float(high), value)), n)


def resampled_means(
    values: np.ndarray, clusters: np.ndarray | None, *, rng: np.random.Generator, num_resamples: int = NUM_RESAMPLES
) -> tuple[np.ndarray, np.ndarray]:
    """Means over rows [c], and the same in each bootstrap resample of whole clusters [r, c]. Arguments as above."""
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


def over_seeds_and_objects(
    values: np.ndarray,
    *,
    rng: np.random.Generator,
    statistic: Callable[[np.ndarray], np.ndarray] | None = None,
    num_resamples: int = NUM_RESAMPLES,
) -> Estimate:
    """Mean of values [seeds, objects] (each the mean over one object's queries) with its percentile interval, seeds
    and objects being drawn with replacement, independently of each other (the pigeonhole bootstrap, Owen 2007).

    For a paired interval pass the difference of two variants. values [seeds, objects, c] with a ``statistic``
    of their means [..., c] -> [...] gives that of a ratio, say. With one seed the interval is over objects alone.
    """
    values = np.asarray(values, np.float64)
    if values.ndim not in (2, 3) or values.shape[1] < 2 or not len(values) or not np.isfinite(values).all():
        raise ValueError(
            f"over_seeds_and_objects: values of shape {values.shape}; give finite values [seeds, objects], 2 objects"
            " or more"
        )
    values = values[..., None] if values.ndim == 2 else values
    join = statistic or (lambda means: means[..., 0])
    seeds, objects = values.shape[:2]
    by_seed = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=num_resamples) / seeds
    by_object = rng.multinomial(objects, np.full(objects, 1 / objects), size=num_resamples) / objects
    resampled = np.einsum("rs,soc,ro->rc", by_seed, values, by_object)
    return percentile_interval(float(join(values.mean((0, 1)))), join(resampled), objects)
