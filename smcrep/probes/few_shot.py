"""Few-shot recognition with frozen embeddings: episodes drawn from observations that the encoder was not trained on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from smcrep.probes.inputs import finite, one_a_row
from smcrep.probes.intervals import Estimate, share_over_units

CHUNK = 32
"""Episodes classified at once; bounds the memory."""

TOLERANCE = 1e-6
"""Scores of float32 embeddings this close count as equal."""


@dataclass(frozen=True)
class Episodes:
    """Rows of the pool: e episodes of w classes with k labelled rows and m queries each."""

    support: np.ndarray  # int64 [e, w, k]
    query: np.ndarray  # int64 [e, w, m]


Classifier = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(support [e, w, k, d], query [e, w * m, d]) -> scores [e, w * m, w]; embeddings have unit length."""


def sample_episodes(
    labels: np.ndarray,
    groups: np.ndarray | None,
    *,
    k_shot: int,
    n_way: int | None,
    num_episodes: int,
    num_query: int,
    rng: np.random.Generator,
) -> Episodes:
    """Episodes in which support and queries of a class share no group (such as an object).

    labels [n]; groups [n] or None (every row its own group); n_way None: all classes. In each episode the support of a
    class is drawn from about half of its groups (more where k rows need them), and its queries from the others; with
    replacement only where those hold fewer rows than ``num_query``.
    """
    labels = one_a_row("few_shot", "labels", labels, len(labels))
    groups = np.arange(len(labels)) if groups is None else one_a_row("few_shot", "groups", groups, len(labels))
    pools = [_pool(labels, groups, name, k_shot) for name in np.unique(labels)]
    n_way = len(pools) if n_way is None else n_way
    if not 2 <= n_way <= len(pools):
        raise ValueError(f"few_shot: n_way is {n_way} with {len(pools)} classes; give a number from 2 to that")
    support = np.empty((num_episodes, n_way, k_shot), np.int64)
    query = np.empty((num_episodes, n_way, num_query), np.int64)
    for episode in range(num_episodes):
        for way, chosen in enumerate(rng.permutation(len(pools))[:n_way]):
            support[episode, way], query[episode, way] = _draw(pools[chosen], k_shot, num_query, rng)
    return Episodes(support, query)


def sample_across(
    support_labels: np.ndarray,
    query_labels: np.ndarray,
    *,
    k_shot: int,
    num_episodes: int,
    num_query: int,
    rng: np.random.Generator,
) -> Episodes:
    """Episodes of all classes with the support drawn from one pool and the queries from another, without replacement.
    Rows of the query pool are numbered after those of the support pool, as in ``np.concatenate([support, query])``."""
    support_labels = one_a_row("few_shot", "support_labels", support_labels, len(support_labels))
    query_labels = one_a_row("few_shot", "query_labels", query_labels, len(query_labels))
    names = np.unique(np.concatenate([support_labels, query_labels]))
    pools = [(np.flatnonzero(support_labels == name), np.flatnonzero(query_labels == name)) for name in names]
    for name, (support, query) in zip(names, pools, strict=True):
        if len(support) < k_shot or len(query) < num_query:
            raise ValueError(
                f"few_shot: class {name} has {len(support)} rows for the support and {len(query)} for queries; lower "
                f"k_shot ({k_shot}) or num_query ({num_query})"
            )
    draws = [
        [(rng.choice(s, k_shot, replace=False), rng.choice(q, num_query, replace=False)) for s, q in pools]
        for _ in range(num_episodes)
    ]
    supports = np.array([[s for s, _ in episode] for episode in draws])
    return Episodes(supports, np.array([[q for _, q in episode] for episode in draws]) + len(support_labels))


def few_shot(
    embeddings: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    k_shot: int,
    rng: np.random.Generator,
    n_way: int | None = None,
    num_episodes: int = 200,
    num_query: int = 15,
    units: np.ndarray | None = None,
    classifier: Classifier | None = None,
) -> Estimate:
    """Mean accuracy over episodes; the interval is over the units of the queries.

    embeddings [n, d]; labels [n]; groups [n]; classifier: `centroid` (the default), `centred_centroid` or
    `ridge(strength)`. units [n]: outermost unit of each row, such as the object where groups are its states; None: the
    group, or the row where groups is None. Chance is 1 / n_way. Episodes from one pool share its objects: an interval
    over episodes would shrink to 0 as their number grows, and say nothing of other objects.
    """
    episodes = sample_episodes(
        labels, groups, k_shot=k_shot, n_way=n_way, num_episodes=num_episodes, num_query=num_query, rng=rng
    )
    correct = classify(embeddings, episodes, classifier or centroid)
    query = episodes.query.ravel()
    units = groups if units is None else units
    return share_over_units(correct.ravel(), query if units is None else np.ravel(units)[query])


def classify(embeddings: np.ndarray, episodes: Episodes, classifier: Classifier) -> np.ndarray:
    """float64 [e, w, m]: 1 where the class of the query scores highest; a tie of t best classes counts 1 / t."""
    finite("few_shot", embeddings=embeddings)
    z = np.asarray(embeddings, np.float32)
    z = z / np.maximum(np.linalg.norm(z, axis=-1, keepdims=True), 1e-12)
    e, w, m = episodes.query.shape
    correct = np.empty((e, w, m))
    for first in range(0, e, CHUNK):
        part = slice(first, first + CHUNK)
        scores = classifier(z[episodes.support[part]], z[episodes.query[part]].reshape(-1, w * m, z.shape[-1]))
        scores = scores.reshape(-1, w, m, w)
        own = np.moveaxis(np.diagonal(scores, axis1=1, axis2=3), -1, 1)[..., None]
        best = (scores >= own - TOLERANCE).sum(-1)  # the true class counted
        beaten = (scores > own + TOLERANCE).any(-1)
        correct[part] = np.where(beaten, 0, 1 / best)
    return correct


def centroid(support: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Cosine with the mean of each class's support."""
    mean = support.mean(2)
    mean = mean / np.maximum(np.linalg.norm(mean, axis=-1, keepdims=True), 1e-12)
    return query @ mean.swapaxes(-1, -2)


def centred_centroid(support: np.ndarray, query: np.ndarray) -> np.ndarray:
    """`centroid` of embeddings minus the mean of the whole support, normalised again (arXiv:1911.04623): for encoders
    whose embeddings share a large common direction."""
    centre = support.mean((1, 2))
    support, query = support - centre[:, None, None], query - centre[:, None]
    support = support / np.maximum(np.linalg.norm(support, axis=-1, keepdims=True), 1e-12)
    query = query / np.maximum(np.linalg.norm(query, axis=-1, keepdims=True), 1e-12)
    return centroid(support, query)


def ridge(strength: float) -> Classifier:
    """One-against-rest ridge regression on +-1 targets with intercept, ||y - Xw - b||^2 + strength ||w||^2, all
    episodes at once in the dual form (k_shot * n_way unknowns)."""

    def classify_by_ridge(support: np.ndarray, query: np.ndarray) -> np.ndarray:
        e, w, k, d = support.shape
        x = support.reshape(e, w * k, d).astype(np.float64)
        y = 2 * np.repeat(np.eye(w), k, 0) - 1
        centre, offset = x.mean(1, keepdims=True), y.mean(0)
        x = x - centre
        dual = np.linalg.solve(
            x @ x.swapaxes(-1, -2) + strength * np.eye(w * k), np.broadcast_to(y - offset, (e, w * k, w))
        )
        return (query - centre) @ (x.swapaxes(-1, -2) @ dual) + offset

    return classify_by_ridge


def _pool(labels: np.ndarray, groups: np.ndarray, name: object, k_shot: int) -> list[np.ndarray]:
    """Rows of one class, one array for each group. ValueError where k_shot rows may leave no group for the queries."""
    rows = np.flatnonzero(labels == name)
    pool = [rows[groups[rows] == group] for group in np.unique(groups[rows])]
    if len(rows) - max(map(len, pool)) < k_shot:
        raise ValueError(
            f"few_shot: class {name} has {len(rows)} rows in {len(pool)} groups; a support of {k_shot} rows may "
            "leave no group for the queries; lower k_shot or add objects to the class"
        )
    return pool


def _draw(
    pool: list[np.ndarray], k_shot: int, num_query: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    order = rng.permutation(len(pool))
    enough = 1 + int(np.searchsorted(np.cumsum([len(pool[i]) for i in order]), k_shot))
    num_support = max(len(pool) // 2, enough)
    support = np.concatenate([pool[i] for i in order[:num_support]])
    rest = np.concatenate([pool[i] for i in order[num_support:]])
    return rng.choice(support, k_shot, replace=False), rng.choice(rest, num_query, replace=len(rest) < num_query)
