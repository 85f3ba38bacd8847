"""Estimates with a 95 % interval over the outermost independent units: objects, and seeds of training.

Student's t on variance components; nothing is drawn. For a mean of values y[seed, object] the variance is
V = V_objects + V_seeds, where V_objects = var(means of objects) / objects holds what is left within an object, and
V_seeds = max(0, var(means of seeds) / seeds - residual / (seeds * objects)) is what seeds add (two-way analysis of
variance by the method of moments). The quantile is Cochran's mean sum(t_i V_i) / sum(V_i) of those of both parts on
n_i - 1 degrees of freedom (Cochran 1964), which errs to the wide side. A statistic of several means is linearised.

Shares (accuracy, H@1) are skewed near 0 and 1, where t covers too seldom. Theirs is the score interval: all shares p at
which the mean lies within t standard deviations, the variance growing with p (1 - p) from what was found (Wilson 1927,
with the number of queries that would have this variance). It lies inside [0, 1]. `PRIOR_OBJECTS` of an object of share
1/2 are added first, so that it has a width where all are right.

How often these hold the truth is simulated by experiments/interval_coverage.py; what has no variance formula is in
`probes.bootstrap`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

PRIOR_OBJECTS = 0.02
Statistic = Callable[[np.ndarray], np.ndarray]
"""Means [..., c] -> [...], smooth: a difference, a ratio."""


@dataclass(frozen=True)
class Estimate:
    """value, its 95 % interval, and the number of independent units behind it."""

    value: float
    ci95: tuple[float, float]
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.ci95[0]:.3f}, {self.ci95[1]:.3f}] (n={self.n})"


class Part(NamedTuple):
    """A part of the variance of a mean, and the number of units that it was estimated from."""

    variance: float
    units: int


def over_seeds(values: np.ndarray) -> Estimate:
    """Mean of independent runs [n >= 2] with Student's t interval on n - 1 degrees of freedom."""
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"over_seeds: values of shape {values.shape}; give one value for each of at least 2 seeds")
    return symmetric(float(values.mean()), [Part(values.var(ddof=1) / len(values), len(values))])


def over_units(values: np.ndarray, units: np.ndarray | None = None, *, statistic: Statistic | None = None) -> Estimate:
    """Mean over rows, with the interval over what the rows of one unit share.

    values  [n], or [n, c] where a ``statistic`` joins several means taken over the same rows (a difference of two
            encoders on the same queries is paired that way).
    units   [n] names of the units (objects); None: every row is one.
    """
    value, part = _unit_part(values, units, statistic)
    return symmetric(value, [part])


def share_over_units(values: np.ndarray, units: np.ndarray | None = None) -> Estimate:
    """The same for a share: values [n] in [0, 1]."""
    value, part = _unit_part(_shares(values), units, None)
    return of_share(value, [part])


def over_seeds_and_objects(values: np.ndarray, *, statistic: Statistic | None = None) -> Estimate:
    """Mean of values [seeds, objects] (each the mean over one object's queries), with the interval over both; with one
    seed over objects alone. For a paired interval pass the difference of two variants. values [seeds, objects, c] with
    a ``statistic`` of their means gives that of a ratio, say."""
    value, parts = _crossed_parts(values, statistic)
    return symmetric(value, parts)


def share_over_seeds_and_objects(values: np.ndarray) -> Estimate:
    """The same for a share: values [seeds, objects] in [0, 1]."""
    value, parts = _crossed_parts(_shares(values), None)
    return of_share(value, parts)


def grouped_parts(values: np.ndarray, *groupings: np.ndarray) -> tuple[float, list[Part]]:
    """Mean of values [seeds, n], and its parts of variance over several groupings [n] of the columns at once (test
    shapes, draws of labelled shapes) and over seeds. What two groupings share is counted twice (the term that Cameron,
    Gelbach & Miller 2011 subtract), so the interval is slightly too wide. For `symmetric` and `of_share`."""
    values = np.asarray(values, np.float64)
    mean, seeds = values.mean(0), len(values)
    parts = [_unit_part(mean, units, None)[1] for units in groupings]
    if seeds > 1:
        parts.append(Part(float(values.mean(1).var(ddof=1)) / seeds, seeds))
    return float(values.mean()), parts


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


def symmetric(value: float, parts: Sequence[Part]) -> Estimate:
    """value -+ half width. n: units of the first part."""
    half = _half_width(parts)
    return Estimate(value, (value - half, value + half), parts[0].units)


def of_share(value: float, parts: Sequence[Part]) -> Estimate:
    """The score interval of a share. Values that are all alike, and neither 0 nor 1, stay a point."""
    (variance, n), *others = parts
    if 0 < value < 1 and not any(part.variance > 1e-18 for part in parts):
        return Estimate(value, (value, value), n)
    weight = n + PRIOR_OBJECTS
    middle = (n * value + PRIOR_OBJECTS / 2) / weight
    squares = variance * n * (n - 1) + n * PRIOR_OBJECTS / weight * (value - 0.5) ** 2
    half = _half_width([Part(squares / ((weight - 1) * weight), n), *others])
    k = half**2 / (middle * (1 - middle))
    root = np.sqrt(half**2 + k**2 / 4)
    low, high = ((middle + k / 2 + side * root) / (1 + k) for side in (-1, 1))
    return Estimate(value, (min(float(low), value), max(float(high), value)), n)


def _half_width(parts: Sequence[Part]) -> float:
    variances = np.array([part.variance for part in parts])
    quantiles = stats.t.ppf(0.975, [part.units - 1 for part in parts])
    total = float(variances.sum())
    return float(quantiles @ variances / np.sqrt(total)) if total > 0 else 0.0


def _unit_part(values: np.ndarray, units: np.ndarray | None, statistic: Statistic | None) -> tuple[float, Part]:
    values = np.asarray(values, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if units is not None and len(units) != len(values):
        raise ValueError(f"intervals: {len(values)} values and {len(units)} units; give the unit of each value")
    if not np.isfinite(values).all():
        raise ValueError("intervals: values hold NaN or infinity; give finite ones")
    member = np.arange(len(values)) if units is None else np.unique(units, return_inverse=True)[1].ravel()
    sizes = np.bincount(member) if len(member) else np.zeros(0)
    if len(sizes) < 2:
        raise ValueError(f"intervals: {len(values)} values of {len(sizes)} units; an interval needs at least 2 units")
    means = values.mean(0)
    sums = np.stack([np.bincount(member, column) for column in (values - means).T], 1)
    value, slope = _linearised(means, statistic)
    scores = sums @ slope / sizes.mean()
    n = len(sizes)
    return value, Part(float(np.square(scores).sum()) / (n * (n - 1)), n)


def _crossed_parts(values: np.ndarray, statistic: Statistic | None) -> tuple[float, list[Part]]:
    values = np.asarray(values, np.float64)
    if values.ndim not in (2, 3) or values.shape[1] < 2 or not len(values) or not np.isfinite(values).all():
        raise ValueError(
            f"over_seeds_and_objects: values of shape {values.shape}; give finite values [seeds, objects], 2 objects"
            " or more"
        )
    values = values[..., None] if values.ndim == 2 else values
    seeds, objects = values.shape[:2]
    value, slope = _linearised(values.mean((0, 1)), statistic)
    y = (values - values.mean((0, 1))) @ slope
    parts = [Part(float(y.mean(0).var(ddof=1)) / objects, objects)]
    if seeds > 1:
        left = y - y.mean(0) - y.mean(1, keepdims=True)
        residual = float(np.square(left).sum()) / ((seeds - 1) * (objects - 1)) / (seeds * objects)
        parts.append(Part(max(0.0, float(y.mean(1).var(ddof=1)) / seeds - residual), seeds))
    return value, parts


def _linearised(means: np.ndarray, statistic: Statistic | None) -> tuple[float, np.ndarray]:
    """The statistic at ``means`` [c], and its slope [c] by central differences."""
    if statistic is None:
        return float(means[0]), np.ones(1)
    step = 1e-6 * np.maximum(np.abs(means), 1e-3)
    moved = np.diag(step)
    return float(statistic(means)), (statistic(means + moved) - statistic(means - moved)) / (2 * step)


def _shares(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(f"intervals: shares from {values.min():.3g} to {values.max():.3g}; give values in [0, 1]")
    return values
