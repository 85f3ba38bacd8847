"""Retrieval of the true outcome among the outcomes of the same state, which needs the action."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smcrep.probes.intervals import Estimate, share_over_units

TOLERANCE = 1e-7
"""Scores this close count as equal: float32 rounding alone changes a cosine by as much."""


@dataclass(frozen=True)
class Ranks:
    """Rank of the true candidate of each query: how many candidates score higher, and how many tie with it."""

    higher: np.ndarray  # int64 [...]
    tied: np.ndarray  # int64 [...], itself included, so at least 1
    num_candidates: int

    @property
    def mid(self) -> np.ndarray:
        """float64 [...]: mean of the ranks that the tied candidates share, from 1."""
        return self.higher + (self.tied + 1) / 2

    def hits(self, k: int) -> np.ndarray:
        """float64 [...]: probability of being among the first k when ties are broken by chance; a tie of t at the
        top counts 1 / t for k = 1."""
        return np.clip(k - self.higher, 0, self.tied) / self.tied

    def reciprocal(self) -> np.ndarray:
        """float64 [...]: expected 1 / rank when ties are broken by chance."""
        harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, self.num_candidates + 1))])
        return (harmonic[self.higher + self.tied] - harmonic[self.higher]) / self.tied


@dataclass(frozen=True)
class Retrieval:
    """H@k and mean reciprocal rank, with intervals over states or what they share, and their chance levels."""

    hits: dict[int, Estimate]
    mrr: Estimate
    chance_hits: dict[int, float]
    chance_mrr: float
    num_candidates: int


def rank(scores: np.ndarray, positive: np.ndarray, *, tolerance: float = TOLERANCE) -> Ranks:
    """Ranks of ``positive`` (int64 [...], index into the last axis) by ``scores`` [..., c], higher being better.

    -inf leaves a candidate out. Equal scores tie (within ``tolerance``), so that a model that ignores the action
    scores chance wherever the true candidate is stored. Raises ValueError for NaN.
    """
    scores = np.asarray(scores, np.float64)
    if np.isnan(scores).any():
        raise ValueError("retrieval: scores hold NaN, so embeddings do; check the encoder before probing it")
    true = np.take_along_axis(scores, np.asarray(positive)[..., None], -1)
    higher = (scores > true + tolerance).sum(-1)
    at_least = (scores >= true - tolerance).sum(-1)
    return Ranks(higher, at_least - higher, scores.shape[-1])


def same_state_scores(predicted: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """float64 [s, k, k]: cosine of the outcome predicted for action i of a state with the observed outcome of its
    action j. predicted, outcome: [s, k, d]. The observation before the action is not a candidate."""
    if predicted.shape != outcome.shape or predicted.ndim != 3:
        raise ValueError(
            f"retrieval: predictions {predicted.shape} and outcomes {outcome.shape}; give both as [states, actions, d]"
        )
    return _unit(predicted) @ _unit(outcome).swapaxes(-1, -2)


def rank_same_state(scores: np.ndarray) -> Ranks:
    """Ranks [s, k] from scores [s, k, k]: the true outcome of query i is candidate i."""
    s, k, _ = scores.shape
    return rank(scores, np.broadcast_to(np.arange(k), (s, k)))


def summarise(ranks: Ranks, units: np.ndarray | None = None, *, ks: Sequence[int] = (1, 5)) -> Retrieval:
    """H@k and MRR of ranks [s, k]. units [s]: outermost unit of each state (its object), which the intervals are over;
    None: the state itself."""
    units = np.arange(len(ranks.higher)) if units is None else np.asarray(units)
    each = np.repeat(units, ranks.higher[0].size)
    c = ranks.num_candidates
    return Retrieval(
        {k: share_over_units(ranks.hits(k).ravel(), each) for k in ks},
        share_over_units(ranks.reciprocal().ravel(), each),
        {k: min(k / c, 1.0) for k in ks},
        float((1 / np.arange(1, c + 1)).mean()),
        c,
    )


def retrieval(
    predicted: np.ndarray, outcome: np.ndarray, units: np.ndarray | None = None, *, ks: Sequence[int] = (1, 5)
) -> Retrieval:
    """For each of k actions of each state, the predicted outcome ranks the k observed outcomes of that state.

    predicted, outcome: [s, k, d], compared by cosine. The observation before the action is not a candidate. units [s]:
    as `summarise` takes them.
    """
    return summarise(rank_same_state(same_state_scores(predicted, outcome)), units, ks=ks)


def _unit(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float64)  # cosines of near-equal candidates differ by less than float32 resolves
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)
