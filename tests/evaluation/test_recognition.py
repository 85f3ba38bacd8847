"""Recognition where the invariant part is the object's own name, and where it is noise."""

import numpy as np

from smcrep.evaluation.recognition import STRENGTHS, accuracy_by_object, choose_strength, episodes_of
from tests.evaluation.worlds import turned


def test_planted_identity_is_recognised_and_noise_scores_chance() -> None:
    encoded = turned(num_objects=4)
    episodes = episodes_of(encoded, k_shot=1, n_way=4, num_episodes=60)
    strength = choose_strength(encoded, "a", k_shot=1, n_way=4, num_episodes=5)
    assert strength in STRENGTHS
    assert (accuracy_by_object(encoded, "a", episodes, strength) == np.ones(4)).all()
    noise = accuracy_by_object(encoded, "noise", episodes, strength)
    assert noise.shape == (4,)
    assert abs(noise.mean() - 0.25) < 0.06


def test_support_and_query_are_of_different_states() -> None:
    encoded = turned(num_objects=4)
    views = encoded.invariant().shape[1]
    episodes = episodes_of(encoded, k_shot=5, n_way=4, num_episodes=20)
    support, query = (rows.reshape(20, 4, -1) // views for rows in (episodes.support, episodes.query))
    assert not any(set(support[e, w]) & set(query[e, w]) for e in range(20) for w in range(4))
