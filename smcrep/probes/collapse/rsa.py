"""Representational similarity: are actions that differ more also embedded farther apart?"""

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Similarity:
    """``value``: mean over states of ``each`` [s], the Spearman correlation in each state (its interval:
    `intervals.over_units`). ``p_value``: share of permutations, the given order included, that reach the value."""

    value: float
    p_value: float
    each: np.ndarray


def rsa(
    distance_a: np.ndarray, distance_b: np.ndarray, *, rng: np.random.Generator, num_permutations: int = 999
) -> Similarity:
    """Spearman correlation of two sets of distances between the same k items of each state (Kriegeskorte et al. 2008),
    and a one-sided test against the items of one being in random order in every state (Mantel 1967).

    distance_a, distance_b  [s, k, k] or, of one state, [k, k], symmetric; k >= 3. Such as the distances between the
                            k actions of a state, and between the k outcomes that a model predicts (`distances`).

    Entries of one matrix depend on each other, so items are permuted, never entries. 0 in a state where one of the
    two sets of distances is constant, as for a model that ignores the action.

    What it cannot see: an action of a few dimensions below a scene of many, if items differ in scene too: keep to
    one state; use in a direction that is wrong, since a rotation or mirror image keeps distances.
    """
    a, b = np.asarray(distance_a, np.float64), np.asarray(distance_b, np.float64)
    if a.ndim == 2:
        a, b = a[None], b[None]
    if a.shape != b.shape or a.ndim != 3 or a.shape[1] != a.shape[2] or a.shape[1] < 3:
        raise ValueError(f"rsa: distances {a.shape} and {b.shape}; give both as [states, k, k] with k >= 3")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("rsa: distances hold NaN or infinity; check the embeddings before comparing them")
    upper = np.triu_indices(a.shape[1], 1)
    ranks_a, ranks_b = _ranks(a[:, *upper]), _ranks(b[:, *upper])
    ranked = np.zeros_like(b)  # the ranks of b as matrices again, so that its items can change places
    ranked[:, *upper] = ranks_b
    ranked += ranked.swapaxes(1, 2)
    each = (ranks_a * ranks_b).sum(-1)
    states = np.arange(len(a))[:, None]
    reached = 1
    for _ in range(num_permutations):
        order = rng.permuted(np.tile(np.arange(a.shape[1]), (len(a), 1)), axis=1)
        moved = ranked[states, order[:, upper[0]], order[:, upper[1]]]
        reached += (ranks_a * moved).sum(-1).mean() >= each.mean() - 1e-12
    return Similarity(float(each.mean()), float(reached / (num_permutations + 1)), each)


def distances(x: np.ndarray) -> np.ndarray:
    """Euclidean distances [..., k, k] between items [..., k, d]."""
    x = np.asarray(x, np.float64)
    return np.linalg.norm(x[..., :, None, :] - x[..., None, :, :], axis=-1)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Mid-ranks [s, p] of each row, centred and of length 1; zeros where all tie."""
    ranks = stats.rankdata(values, axis=-1)
    centred = ranks - ranks.mean(-1, keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=-1, keepdims=True), 1e-12)
