"""Few-shot recognition of unseen objects by fused senses, where the queries' sensors are faulty and the labels' are
not."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.fusion.baselines.few_shot import class_means, few_shot_logits
from smcrep.fusion.method import Decider, Fuser
from smcrep.transition import Beliefs

TEMPERATURE = 0.1
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Draws:
    """Episodes: rows of a gallery [e, w, k] that are labelled, and of the queries [e, w, q]; ``object`` [e, w]."""

    support: Tensor
    query: Tensor
    object: Tensor


def draw_episodes(
    gallery_objects: np.ndarray,
    gallery_states: np.ndarray,
    query_objects: np.ndarray,
    query_states: np.ndarray,
    *,
    n_way: int,
    k_shot: int,
    num_query: int,
    num_episodes: int,
    seed: int,
) -> Draws:
    """In each episode ``n_way`` objects, ``k_shot`` labelled rows of each from as many states, and ``num_query`` rows
    from states that none of these is of (with replacement where there are fewer)."""
    rng, objects = np.random.default_rng(seed), np.unique(query_objects)
    if len(objects) < n_way:
        raise ValueError(f"draw_episodes: {len(objects)} objects, n_way is {n_way}; lower it or give more objects")
    gallery = {o: np.flatnonzero(gallery_objects == o) for o in objects}
    queries = {o: np.flatnonzero(query_objects == o) for o in objects}
    supports, asked, chosen = [], [], []
    for _ in range(num_episodes):
        ways = rng.choice(objects, n_way, replace=False)
        for o in ways:
            states = rng.permutation(np.unique(query_states[queries[o]]))
            if len(states) <= k_shot:
                raise ValueError(
                    f"draw_episodes: object {o} has {len(states)} states, {k_shot} of them are labelled; lower k_shot"
                )
            own = gallery[o][np.isin(gallery_states[gallery[o]], states[:k_shot])]
            firsts = [rng.choice(own[gallery_states[own] == s]) for s in states[:k_shot]]
            rest = queries[o][np.isin(query_states[queries[o]], states[k_shot:])]
            supports.append(firsts)
            asked.append(rng.choice(rest, num_query, replace=len(rest) < num_query))
        chosen.append(ways)
    shape = (num_episodes, n_way, -1)
    support, query = (torch.from_numpy(np.array(rows)).reshape(shape) for rows in (supports, asked))
    return Draws(support, query, torch.from_numpy(np.array(chosen)))


@torch.no_grad()
def recognised(
    method: Fuser | Decider, gallery: Beliefs, queries: Beliefs, draws: Draws, *, known: Tensor | None = None
) -> Tensor:
    """float32 [e, w, q]: 1 where a query is taken for its object, 1 / t where t objects tie for the best (`scored`)."""
    scores, w = scored(method, gallery, queries, draws, known=known), draws.query.shape[1]
    own = scores[:, torch.arange(w), :, torch.arange(w)].movedim(0, 1)[..., None]
    ties = (scores >= own - TOLERANCE).sum(-1)
    return torch.where((scores > own + TOLERANCE).any(-1), 0, 1 / ties)


@torch.no_grad()
def scored(
    method: Fuser | Decider, gallery: Beliefs, queries: Beliefs, draws: Draws, *, known: Tensor | None = None
) -> Tensor:
    """[e, w, q, w] of each query for each object of its episode. A `Fuser`'s embeddings are compared by cosine with the
    mean of each object's labelled ones; a `Decider`, which gives log-probabilities, is given those cosines of each
    sense alone over TEMPERATURE. ``known``: what a `Fuser` makes of the gallery, if it was computed before."""
    if isinstance(method, Decider):
        return torch.stack([_decided(method, gallery, queries, draws, i) for i in range(len(draws.query))])
    known = F.normalize(method(gallery) if known is None else known, dim=-1)
    asked = F.normalize(method(queries), dim=-1)
    means = F.normalize(known[draws.support].mean(2), dim=-1)
    return torch.einsum("ewqd,ecd->ewqc", asked[draws.query], means)


def _decided(method: Decider, gallery: Beliefs, queries: Beliefs, draws: Draws, i: int) -> Tensor:
    w, k = draws.support.shape[1:]
    means = class_means(gallery[draws.support[i].flatten()], torch.arange(w).repeat_interleave(k), w)
    asked = queries[draws.query[i].flatten()]
    decided = method.decide(few_shot_logits(asked, means, TEMPERATURE), asked)
    return decided.unflatten(0, (w, -1))


def by_object(correct: Tensor, draws: Draws) -> np.ndarray:
    """float64 [objects]: mean over the queries of each object, in the order of their ids."""
    values, objects = correct.mean(-1).double().numpy(), draws.object.numpy()
    return np.array([values[objects == o].mean() for o in np.unique(objects)])
