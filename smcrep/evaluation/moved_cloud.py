"""What geometry finds of a store for nothing: the sensed cloud, moved as commanded (`smcrep.probes.moved_cloud`)."""

from collections.abc import Callable, Sequence

import numpy as np

from smcrep.data.store import Store
from smcrep.probes.moved_cloud import moved_cloud_scores
from smcrep.probes.retrieval import rank_same_state
from smcrep.senses import POINTS
from smcrep.transition import Senses

STATES_AT_ONCE = 32


def moved_cloud_hits(
    store: Store,
    *,
    shares: Sequence[float],
    num_points: int | None = None,
    change: Callable[[Senses], Senses] | None = None,
    states: np.ndarray | None = None,
) -> dict[float, np.ndarray]:
    """Share of the points that are compared (`smcrep.geometry.points.chamfer`) -> float64 [s, k], H@1 among the k
    outcomes of each state.

    num_points  the first so many points of each cloud are sensed, which are any: they are stored in random order.
    change      done to observations [n] before, as by `smcrep.evaluation.encoded.encode`.
    states      of the store; None: all of them.
    """
    states = np.arange(store.num_states) if states is None else np.asarray(states)
    found: dict[float, list[np.ndarray]] = {share: [] for share in shares}
    for first in range(0, len(states), STATES_AT_ONCE):
        transition = store.transitions(states[first : first + STATES_AT_ONCE], [POINTS.name])
        senses = transition.observations
        shape, given = senses.batch_shape, senses.flatten()
        clouds = (change(given) if change else given)[POINTS.name].unflatten(0, shape)[..., :num_points, :]
        for share, hits in found.items():
            scores = moved_cloud_scores(clouds[:, 0], transition.action.motion, clouds[:, 1:], share=share)
            hits.append(rank_same_state(scores).hits(1))
    return {share: np.concatenate(hits) for share, hits in found.items()}
