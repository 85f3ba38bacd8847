"""How well two sources are aligned: retrieval of one by the other, with ties counted by chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smcrep.probes.retrieval import rank


@dataclass(frozen=True)
class AlignmentScore:
    """Of one direction. hits: k -> share of true candidates among the first k; median_rank from 1; chance beside
    both, as a model that says the same of everything has them."""

    hits: dict[int, float]
    mrr: float
    median_rank: float
    chance_hits: dict[int, float]
    chance_mrr: float
    num_queries: int
    num_candidates: int


def alignment_score(
    query: np.ndarray,
    candidates: np.ndarray,
    query_meaning: np.ndarray,
    candidate_meaning: np.ndarray,
    *,
    ks: Sequence[int] = (1, 5, 10),
) -> AlignmentScore:
    """query [n, d] and candidates [m, d] compared by cosine; those of equal meaning (int64 [n], [m]) are true.

    Every true candidate is ranked among those that are not true, the other true ones left out (the filtered ranks of
    knowledge graphs), then averaged, first over a query's true ones, then over queries. Equal scores share their ranks,
    so a constant embedding scores chance. Queries without a true candidate are a fault of the caller.
    """
    true = np.asarray(query_meaning)[:, None] == np.asarray(candidate_meaning)
    if not len(true) or not true.any(1).all():
        raise ValueError("alignment score: a query has no candidate of its meaning; give a gallery that has all")
    scores = _unit(query) @ _unit(candidates).T
    found = [_of_query(row, good, ks) for row, good in zip(scores, true, strict=True)]
    hits, mrr, ranks, chance_hits, chance_mrr = (np.array(x) for x in zip(*found, strict=True))
    return AlignmentScore(
        dict(zip(ks, hits.mean(0).tolist(), strict=True)),
        float(mrr.mean()),
        float(np.median(ranks)),
        dict(zip(ks, chance_hits.mean(0).tolist(), strict=True)),
        float(chance_mrr.mean()),
        *true.shape,
    )


Found = tuple[list[float], float, float, list[float], float]


def _of_query(scores: np.ndarray, true: np.ndarray, ks: Sequence[int]) -> Found:
    """Of one query: hits at each k, reciprocal rank, middle rank, and what chance gives of the first two."""
    wrong = scores[~true]
    each = np.concatenate([scores[true][:, None], np.broadcast_to(wrong, (int(true.sum()), len(wrong)))], 1)
    ranks = rank(each, np.zeros(len(each), np.int64))
    gallery = len(wrong) + 1
    chance = float((1 / np.arange(1, gallery + 1)).mean())
    hits = [float(ranks.hits(k).mean()) for k in ks]
    return hits, float(ranks.reciprocal().mean()), float(ranks.mid.mean()), [min(k / gallery, 1.0) for k in ks], chance


def _unit(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float64)
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)
