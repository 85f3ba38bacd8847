"""The two published few-shot protocols on ModelNet40. Their figures are not comparable: say which one it is.

`frozen_episodes`  CrossPoint's (arXiv:2203.00680): episodes on frozen features, a linear SVM each, 20 queries a class;
                   support and queries are *both* of the training side, as in its authors' script.
`folds`            Point-BERT's (arXiv:2111.14819): ten fixed draws, support of the training side, queries of the test
                   side; published figures are of networks tuned whole on each fold, for 150 epochs, best test epoch.
                   With features frozen, they say so beside the number.
"""

import numpy as np

from smcrep.probes.few_shot import Episodes
from smcrep.probes.inputs import one_a_row

NUM_QUERY, NUM_FOLDS = 20, 10


def frozen_episodes(
    labels: np.ndarray, *, n_way: int, k_shot: int, num_episodes: int, rng: np.random.Generator
) -> Episodes:
    """Of one side, labels [n]: ``n_way`` classes, of each ``k_shot`` shapes and 20 others. For
    `probes.svm.svm_episodes`, whose scaling by the support is the protocol's."""
    return _draw(labels, None, n_way, k_shot, num_episodes, rng)


def folds(
    train_labels: np.ndarray, test_labels: np.ndarray, *, n_way: int, k_shot: int, rng: np.random.Generator
) -> Episodes:
    """Ten folds: support rows of ``train_labels`` [n], query rows of ``test_labels`` [m], which are numbered after
    those of the training side as in ``np.concatenate([train, test])``. The authors' own pickles are not read: the same
    draw by ``rng`` is fixed by its seed. Classes with fewer than 20 test shapes give what they have, drawn with
    replacement."""
    return _draw(train_labels, test_labels, n_way, k_shot, NUM_FOLDS, rng)


def _draw(
    labels: np.ndarray,
    test_labels: np.ndarray | None,
    n_way: int,
    k_shot: int,
    num_episodes: int,
    rng: np.random.Generator,
) -> Episodes:
    labels = one_a_row("modelnet few-shot", "labels", labels, len(labels))
    classes = np.unique(labels)
    if not 2 <= n_way <= len(classes):
        raise ValueError(f"modelnet few-shot: n_way is {n_way} with {len(classes)} classes; give 2 to that")
    own_queries = NUM_QUERY if test_labels is None else 0
    pools = {name: np.flatnonzero(labels == name) for name in classes}
    others = {name: np.flatnonzero(np.asarray(test_labels) == name) for name in classes} if own_queries == 0 else {}
    for name in classes:
        if len(pools[name]) < k_shot + own_queries or (others and not len(others[name])):
            raise ValueError(
                f"modelnet few-shot: class {name} has {len(pools[name])} shapes to draw {k_shot + own_queries} from"
                f"{f' and {len(others[name])} test shapes' if others else ''}; lower k_shot ({k_shot}) or leave it out"
            )
    support = np.empty((num_episodes, n_way, k_shot), np.int64)
    query = np.empty((num_episodes, n_way, NUM_QUERY), np.int64)
    for episode in range(num_episodes):
        for way, name in enumerate(rng.choice(classes, n_way, replace=False)):
            drawn = rng.choice(pools[name], k_shot + own_queries, replace=False)
            support[episode, way] = drawn[:k_shot]
            if own_queries:
                query[episode, way] = drawn[k_shot:]
            else:
                few = len(others[name]) < NUM_QUERY
                query[episode, way] = len(labels) + rng.choice(others[name], NUM_QUERY, replace=few)
    return Episodes(support, query)
