"""Intrinsic dimension of a set of embeddings, from distances to nearest neighbours."""

import numpy as np
from scipy.spatial.distance import cdist

from smcrep.probes.collapse.indicators import checked

ROWS_AT_ONCE = 512
"""Rows whose distances to all others are in memory at a time."""


def two_nn(z: np.ndarray) -> float:
    """Dimension of the manifold that embeddings [n, d] lie on: (n - 1) / sum_i log(r2_i / r1_i), r1 and r2 the
    distances to the nearest and second nearest row (Facco et al. 2017; the unbiased estimate by maximum likelihood,
    where they fit a line). Relative standard error about 1 / sqrt(n - 2). 0 where fewer than 3 rows differ. Cost
    n^2 d.

    What it cannot see: whose dimensions they are. Noise fills the space at the scale of the nearest neighbours, and
    reads as many dimensions; above about 10 dimensions few rows read too low.
    """
    n, logs = _log_ratios(z, 2)
    return (n - 1) / logs if n else 0.0


def levina_bickel(z: np.ndarray, *, k: int = 10) -> float:
    """The same from k neighbours: n (k - 1) / sum_i sum_{j<k} log(T_k,i / T_j,i), T_j the distance to neighbour j
    (Levina & Bickel 2004, its inverses averaged over rows as MacKay & Ghahramani 2005 correct it). More rows
    are used than by `two_nn`, so less noise, at a scale that is larger, where curvature and the border count.

    What it cannot see: what `two_nn` cannot.
    """
    if k < 2:
        raise ValueError(f"levina_bickel: k is {k}; give at least 2 neighbours")
    n, logs = _log_ratios(z, k)
    return n * (k - 1) / logs if n else 0.0


def _log_ratios(z: np.ndarray, k: int) -> tuple[int, float]:
    """Number of different rows, and the sum over them of log(T_k / T_j), j < k; 0 rows where they are k or fewer."""
    z = np.unique(checked(z), axis=0)  # equal rows are at distance 0, whose logarithm says nothing of a dimension
    if len(z) <= k:
        return 0, 0.0
    near = np.concatenate([_nearest(z, start, k) for start in range(0, len(z), ROWS_AT_ONCE)])
    return len(z), float(np.log(near[:, -1:] / near[:, :-1]).sum())


def _nearest(z: np.ndarray, start: int, k: int) -> np.ndarray:
    """[rows, k] distances, rising, of rows start to start + ROWS_AT_ONCE to their k nearest others."""
    rows = z[start : start + ROWS_AT_ONCE]
    distance = cdist(rows, z)
    distance[np.arange(len(rows)), np.arange(start, start + len(rows))] = np.inf
    return np.sort(np.partition(distance, k - 1, axis=1)[:, :k], axis=1)
