"""An interval for any indicator of embeddings, over the units that its rows belong to."""

from collections.abc import Callable

import numpy as np

from smcrep.probes.intervals import Estimate, Part, symmetric

MOST_GROUPS = 20
"""Groups of units that are left out in turn: the indicator is computed so many times more."""


def over_left_out(
    indicator: Callable[..., float], *rows: np.ndarray, units: np.ndarray | None = None, num_groups: int = MOST_GROUPS
) -> Estimate:
    """``indicator(*rows)`` with its 95 % interval, by leaving out one group of units at a time (jackknife, Quenouille
    1956, Tukey 1958): variance (g - 1) / g sum_j (v_j - mean v)^2 of the g values v_j without group j, and Student's
    t on g - 1 degrees of freedom.

    rows   arrays [n, ...] that are indexed together: embeddings, and their pairs or the names of their groups.
    units  [n] what rows share (state, object); None: every row is one. Units are dealt to ``num_groups`` groups in the
           order of their names, or are groups of their own where they are fewer.

    For indicators that are smooth in the distribution of rows (ranks, CKA, alignment, uniformity). Their bias at small
    n stays: that is for `null`. Those of nearest neighbours (`two_nn`) are not smooth.
    """
    units = np.arange(len(rows[0])) if units is None else np.asarray(units)
    if any(len(row) != len(units) for row in rows):
        raise ValueError(f"over_left_out: {[len(row) for row in rows]} rows and {len(units)} units; give one a row")
    names, member = np.unique(units, return_inverse=True)
    groups = min(num_groups, len(names))
    if groups < 2:
        raise ValueError(f"over_left_out: {len(names)} units, {num_groups} groups; an interval needs at least 2")
    group = member.ravel() * groups // len(names)
    values = np.array([indicator(*(row[group != j] for row in rows)) for j in range(groups)])
    variance = (groups - 1) / groups * float(np.square(values - values.mean()).sum())
    return symmetric(float(indicator(*rows)), [Part(variance, groups)])
