"""Few labels, unseen objects: accuracy of a linear probe on frozen embeddings, object by object."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from smcrep.evaluation.encoded import Encoded, refuse_shared
from smcrep.probes.few_shot import Episodes, classify, ridge, sample_episodes
from smcrep.transition import FUSED

STRENGTHS = (0.1, 1.0, 10.0, 100.0)
NUM_QUERY = 15


@dataclass(frozen=True)
class Strength:
    """A ridge strength, and the names of the objects that it was chosen on, for which it gives no accuracy."""

    value: float
    chosen_on: frozenset[str] = frozenset()


def episodes_of(encoded: Encoded, *, k_shot: int, n_way: int, num_episodes: int, seed: int = 0) -> Episodes:
    """Episodes over every observation of ``encoded``; support and queries are never of one state."""
    labels, states = _labels(encoded)
    return sample_episodes(
        labels,
        states,
        k_shot=k_shot,
        n_way=n_way,
        num_episodes=num_episodes,
        num_query=NUM_QUERY,
        rng=np.random.default_rng(seed),
    )


def choose_strength(
    training: Encoded,
    sense: str = FUSED,
    *,
    k_shot: int,
    n_way: int,
    num_episodes: int = 100,
    strengths: Sequence[float] = STRENGTHS,
) -> Strength:
    """The ridge strength that is most accurate in episodes of training objects."""
    episodes = episodes_of(training, k_shot=k_shot, n_way=n_way, num_episodes=num_episodes)
    z = training.invariant(sense).flatten(0, 1).numpy()
    best = max(strengths, key=lambda strength: float(classify(z, episodes, ridge(strength)).mean()))
    return Strength(best, training.objects)


def accuracy_by_object(
    encoded: Encoded, sense: str, episodes: Episodes, strength: Strength, *, queries: Encoded | None = None
) -> np.ndarray:
    """float64 [objects]: mean accuracy on the queries of each object, in the order of their ids, by a ridge probe of
    the invariant part. ``queries``: the same states, observed otherwise (with faulty sensors, say), from which the
    queries are taken instead."""
    refuse_shared(strength.chosen_on, encoded.objects)
    labels, _ = _labels(encoded)
    z, asked = encoded.invariant(sense).flatten(0, 1).numpy(), episodes
    if queries:
        z = np.concatenate([z, queries.invariant(sense).flatten(0, 1).numpy()])
        asked = replace(episodes, query=episodes.query + len(labels))
    correct = classify(z, asked, ridge(strength.value))
    true = labels[episodes.query]
    return np.array([correct[true == name].mean() for name in np.unique(labels)])


def _labels(encoded: Encoded) -> tuple[np.ndarray, np.ndarray]:
    views = encoded.invariant().shape[1]
    return np.repeat(encoded.object_ids, views), np.repeat(np.arange(len(encoded.object_ids)), views)
