"""Shares of accuracy that a signal is worth: from which rows are right with the signal, and without it.

Each takes arrays of rows, 1 where right and 0 where wrong (or the hits of `Ranks`, which count ties by chance), so that
rows are paired and the interval is over units [n] (object or state of each row; None: every row is one).
"""

import numpy as np

from smcrep.probes.intervals import Estimate, over_units


def perceptual_score(right: np.ndarray, right_permuted: np.ndarray, units: np.ndarray | None = None) -> Estimate:
    """(Acc - E Acc_permuted) / Acc, normalised by the model (arXiv:2110.14375): the share of its accuracy that is lost
    where the signal is that of another row. 0 for a signal that is not used.

    right           [n].
    right_permuted  [n], or [p, n] of p permutations (`replacement.derangement`).

    What it cannot see: a signal that another one repeats; what little the signal is worth in the data. Small batches
    permute too few values.
    """
    return _share_lost(right, np.atleast_2d(right_permuted).mean(0), units)


def perceptual_score_of_task(
    right: np.ndarray, right_permuted: np.ndarray, majority: float, units: np.ndarray | None = None
) -> Estimate:
    """(Acc - E Acc_permuted) / ``majority``, the accuracy of always giving the commonest answer (arXiv:2110.14375):
    comparable between models of one task, where `perceptual_score` is between tasks."""
    if not 0 < majority <= 1:
        raise ValueError(f"perceptual_score_of_task: majority is {majority}; give an accuracy above 0, at most 1")
    lost = np.asarray(right, np.float64) - np.atleast_2d(right_permuted).mean(0)
    return over_units(lost / majority, units)


def conditional_utilisation(
    right_both: np.ndarray, right_rest: np.ndarray, units: np.ndarray | None = None
) -> Estimate:
    """u(a | s) = (Acc(s, a) - Acc(s)) / Acc(s, a) of signal a given the rest s (arXiv:2202.05306): the share of the
    accuracy that is not there without a. ``right_rest`` is of a model, or a head, that was trained on s alone, which is
    how this differs from `perceptual_score`.

    The paper's imbalance of two signals is u(a | s) - u(s | a).

    What it cannot see: which of two signals that repeat each other is used; both read 0.
    """
    return _share_lost(right_both, np.asarray(right_rest), units)


def _share_lost(right: np.ndarray, other: np.ndarray, units: np.ndarray | None) -> Estimate:
    columns = np.stack([np.asarray(right, np.float64), np.asarray(other, np.float64)], 1)
    if not columns[:, 0].mean() > 0:
        raise ValueError("accuracy: the model is never right, so there is no share of its accuracy; check the model")
    return over_units(columns, units, statistic=lambda means: (means[..., 0] - means[..., 1]) / means[..., 0])
