"""Counterfactual retrieval (CFR) from logged data: no state was left twice, but some nearly were.

Groups of k states of different episodes that lie close together stand for one state with k outcomes. From the first of
a group, the outcome predicted for the action of another is looked for among the outcomes of all of the group.
"""

import numpy as np
from scipy.spatial import KDTree

from smcrep.probes.inputs import finite, one_a_row
from smcrep.probes.retrieval import Ranks, rank

NEIGHBOURS = 256
"""Of each state that are looked through for other episodes."""


def matched_groups(
    state: np.ndarray, episodes: np.ndarray, *, size: int, max_distance: float, rng: np.random.Generator
) -> np.ndarray:
    """int64 [g, size]: rows of ``state`` [n, d] of ``size`` different episodes [n]; the first is the anchor, the others
    its nearest by Euclidean distance, none farther than ``max_distance``. No row is an anchor twice, nor the anchor of
    one group and a member of another, so groups are counted once; ``rng`` draws which states anchor."""
    finite("matched_groups", state=state)
    own = one_a_row("matched_groups", "episodes", episodes, len(state)).tolist()
    if size < 2:
        raise ValueError(f"matched_groups: size is {size}; give at least 2")
    near = np.asarray(KDTree(state).query(state, min(NEIGHBOURS, len(state)), distance_upper_bound=max_distance)[1])
    taken, groups = np.zeros(len(state), bool), []
    for anchor in rng.permutation(len(state)).tolist():
        if taken[anchor]:
            continue
        group, seen = [anchor], {own[anchor]}
        for row in near[anchor].tolist():
            if row < len(state) and not taken[row] and own[row] not in seen and len(group) < size:
                group.append(row)
                seen.add(own[row])
        if len(group) == size:
            taken[group] = True
            groups.append(group)
    if not groups:
        raise ValueError(
            f"matched_groups: no {size} states of different episodes within {max_distance}; allow more distance"
        )
    return np.array(groups, np.int64)


def counterfactual_retrieval(predicted: np.ndarray, outcome: np.ndarray) -> Ranks:
    """Ranks [g, k - 1] of the outcome of member j = 1 .. k - 1 of each group for the prediction from its anchor under
    the action of j, among all k outcomes, by squared distance.

    predicted  [g, k - 1, d]; outcome [g, k, d], the anchor's first. Chance is 1 / k. The anchor's own outcome is never
               the true one, so predicting no change does not help.
    """
    if predicted.ndim != 3 or outcome.shape != (len(predicted), predicted.shape[1] + 1, predicted.shape[2]):
        raise ValueError(
            f"counterfactual_retrieval: predictions {predicted.shape} and outcomes {outcome.shape}; give "
            "[groups, k - 1, d] and [groups, k, d]"
        )
    predicted, outcome = np.asarray(predicted, np.float64), np.asarray(outcome, np.float64)
    scale = max(float(np.square(outcome - outcome.mean((0, 1))).mean()), np.finfo(float).tiny)
    scores = -np.square(predicted[:, :, None] - outcome[:, None]).mean(-1) / scale
    positive = np.broadcast_to(np.arange(1, outcome.shape[1]), predicted.shape[:2])
    return rank(scores, positive)
