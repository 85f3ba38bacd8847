"""Recognition where the invariant part is the object's own name, where it is noise, and where only some have names."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier

from smcrep.evaluation.encoded import Encoded
from smcrep.evaluation.recognition import STRENGTHS, Strength, accuracy_by_object, choose_strength, episodes_of
from tests.evaluation.worlds import turned


def test_planted_identity_is_recognised_and_noise_scores_chance() -> None:
    encoded = turned(num_objects=4)
    episodes = episodes_of(encoded, k_shot=1, n_way=4, num_episodes=60)
    strength = choose_strength(encoded, "a", k_shot=1, n_way=4, num_episodes=5)
    assert strength.value in STRENGTHS
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


def with_names(names: torch.Tensor, noise: float = 0.0, seed: int = 0) -> Encoded:
    """The invariant part of each object is its row of ``names`` [objects, 8], and noise; the equivariant part differs
    from object to object too, and must not be read."""
    found = turned(num_objects=len(names))
    generator = torch.Generator().manual_seed(seed)
    own = names[torch.from_numpy(found.object_ids)][:, None].expand(-1, found.latent["a"].shape[1], -1)
    own = own + noise * torch.randn(own.shape, generator=generator)
    rest = found.equivariant("a") * 0
    rest[..., 0] = 5 * torch.from_numpy(found.object_ids)[:, None]
    return replace(found, latent={"a": torch.cat([own, rest], -1), "fused": torch.cat([own, rest], -1)})


def test_accuracy_is_that_of_each_object_by_the_invariant_part() -> None:
    """Objects 1 and 3 look alike: half of their queries are right, and all of the others."""
    encoded = with_names(torch.eye(8)[[0, 1, 2, 1, 3]])
    episodes = episodes_of(encoded, k_shot=3, n_way=5, num_episodes=60)
    accuracy = accuracy_by_object(encoded, "a", episodes, Strength(1.0))
    np.testing.assert_allclose(accuracy, [1, 0.5, 1, 0.5, 1], atol=0.02)


def test_accuracy_is_of_its_own_sense_and_strength() -> None:
    encoded = with_names(torch.eye(8)[:4], noise=0.7)
    encoded.latent["fused"] = turned(num_objects=4).latent["noise"]
    episodes = episodes_of(encoded, k_shot=2, n_way=4, num_episodes=40)
    by_strength = {value: accuracy_by_object(encoded, "a", episodes, Strength(value)).mean() for value in (0.01, 100.0)}
    assert min(by_strength.values()) > 0.35
    assert by_strength[0.01] != by_strength[100.0]
    z = encoded.invariant("a").flatten(0, 1).numpy()
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    right = []
    for support, query in zip(episodes.support, episodes.query, strict=True):
        machine = RidgeClassifier(alpha=100.0).fit(z[support.ravel()], np.repeat(np.arange(4), 2))
        right.append(machine.predict(z[query.ravel()]) == np.repeat(np.arange(4), query.shape[1]))
    assert by_strength[100.0] == pytest.approx(np.mean(right), abs=0.02)


def test_the_strength_that_is_most_accurate_on_training_objects_is_chosen() -> None:
    training = with_names(torch.eye(8)[:4], noise=0.8)
    episodes = episodes_of(training, k_shot=5, n_way=4, num_episodes=100)
    strengths = (1e-6, 1.0, 1e4)
    accuracy = {value: accuracy_by_object(training, "a", episodes, Strength(value)).mean() for value in strengths}
    assert max(accuracy.values()) - min(accuracy.values()) > 0.02
    best = max(accuracy, key=accuracy.__getitem__)
    for order in (strengths, strengths[::-1]):
        found = choose_strength(training, "a", k_shot=5, n_way=4, strengths=order)
        assert found.value == best


def test_objects_that_a_strength_was_chosen_on_have_no_accuracy_by_it() -> None:
    training = replace(turned(num_objects=4), objects=frozenset({"mug-1", "can-2", "pen-3", "cup-4"}))
    test = replace(turned(num_objects=4), objects=frozenset({"mug-9", "can-8", "pen-7", "cup-4"}))
    strength = choose_strength(training, "a", k_shot=1, n_way=4, num_episodes=5)
    assert strength.chosen_on == training.objects
    episodes = episodes_of(test, k_shot=1, n_way=4, num_episodes=5)
    with pytest.raises(ValueError, match="1 objects, such as 'cup-4', are among those fitted to and those tested on"):
        accuracy_by_object(test, "a", episodes, strength)
    others = replace(test, objects=frozenset({"mug-9"}))
    assert accuracy_by_object(others, "a", episodes, strength).mean() == 1


def test_queries_may_be_of_other_observations_of_the_same_states() -> None:
    """Names dealt out otherwise among the queries alone: every one is taken for the object whose name it has."""
    encoded, dealt = with_names(torch.eye(8)[:4]), with_names(torch.eye(8)[[0, 2, 1, 3]])
    episodes = episodes_of(encoded, k_shot=2, n_way=4, num_episodes=10)
    alone = accuracy_by_object(encoded, "a", episodes, Strength(1.0))
    assert np.array_equal(alone, accuracy_by_object(encoded, "a", episodes, Strength(1.0), queries=encoded))
    assert accuracy_by_object(encoded, "a", episodes, Strength(1.0), queries=dealt).tolist() == [1, 0, 0, 1]
