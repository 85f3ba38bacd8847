"""Episodes keep groups apart; classifiers equal scikit-learn's; planted embeddings score 1, chance, or a leak."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier

from smcrep.probes.few_shot import (
    Episodes,
    centred_centroid,
    centroid,
    classify,
    few_shot,
    ridge,
    sample_across,
    sample_episodes,
)

CLASSIFIERS = [centroid, centred_centroid, ridge(0.1)]


def pool(num_classes: int = 6, num_groups: int = 4, num_rows: int = 8) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(num_classes), num_groups * num_rows)
    return labels, np.repeat(np.arange(num_classes * num_groups), num_rows)


@pytest.mark.parametrize("with_groups", [True, False])
@pytest.mark.parametrize("k_shot", [1, 5, 20])
def test_support_and_query_are_disjoint_and_of_their_class(k_shot: int, with_groups: bool) -> None:
    labels, groups = pool()
    given = groups if with_groups else None
    e = sample_episodes(
        labels, given, k_shot=k_shot, n_way=4, num_episodes=50, num_query=6, rng=np.random.default_rng(0)
    )
    assert e.support.shape == (50, 4, k_shot)
    assert e.query.shape == (50, 4, 6)
    units = groups if with_groups else np.arange(len(labels))
    shown_classes = set()
    for episode in range(50):
        ways = [set(labels[np.concatenate([e.support[episode, w], e.query[episode, w]])]) for w in range(4)]
        assert all(len(way) == 1 for way in ways)
        assert len(set.union(*ways)) == 4
        shown_classes |= set.union(*ways)
        for w in range(4):
            assert not set(units[e.support[episode, w]]) & set(units[e.query[episode, w]])
            assert len(set(e.support[episode, w])) == k_shot
    assert len(shown_classes) == 6


def test_every_row_is_a_query_equally_often() -> None:
    labels, groups = pool(3, 5, 4)
    e = sample_episodes(
        labels, groups, k_shot=2, n_way=None, num_episodes=2000, num_query=3, rng=np.random.default_rng(0)
    )
    share = np.bincount(e.query.ravel(), minlength=60) / e.query.size
    assert np.abs(share * 60 - 1).max() < 0.15


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_planted_classes_are_recognised_and_noise_scores_chance(classifier) -> None:
    labels, groups = pool(10)
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(len(labels), 64))
    planted = noise + 3 * rng.normal(size=(10, 64))[labels]
    clear = few_shot(planted, labels, groups, k_shot=5, rng=rng, num_episodes=60, classifier=classifier)
    assert clear.value > 0.98
    assert clear.n == 40  # objects
    blind = few_shot(noise, labels, groups, k_shot=5, rng=rng, num_episodes=200, classifier=classifier)
    assert blind.value == pytest.approx(0.1, abs=0.03)


def test_groups_prevent_leakage_of_object_identity() -> None:
    """Embeddings that identify the object but not its class: rows seem recognisable, objects are not."""
    labels, groups = pool(6, 4, 8)
    rng = np.random.default_rng(0)
    z = rng.normal(size=(24, 64))[groups] + 0.1 * rng.normal(size=(len(labels), 64))
    assert few_shot(z, labels, None, k_shot=10, rng=rng, num_episodes=50).value > 0.6
    assert few_shot(z, labels, groups, k_shot=10, rng=rng, num_episodes=300).value < 0.3


def test_more_shots_help_and_constant_embeddings_score_chance() -> None:
    labels, groups = pool()
    rng = np.random.default_rng(0)
    z = rng.normal(size=(len(labels), 32)) + 0.8 * rng.normal(size=(6, 32))[labels]
    values = [few_shot(z, labels, groups, k_shot=k, rng=rng, num_episodes=100).value for k in (1, 5, 16)]
    assert values[0] + 0.1 < values[1] < values[2]
    for classifier in CLASSIFIERS:
        dead = few_shot(np.ones((len(labels), 32)), labels, groups, k_shot=5, rng=rng, classifier=classifier)
        assert dead.value == pytest.approx(1 / 6)


def test_result_follows_the_generator_alone() -> None:
    labels, groups = pool()
    z = np.random.default_rng(0).normal(size=(len(labels), 8))
    a, b = (few_shot(z, labels, groups, k_shot=1, n_way=3, rng=np.random.default_rng(5)) for _ in range(2))
    assert a == b
    assert a != few_shot(z, labels, groups, k_shot=1, n_way=3, rng=np.random.default_rng(6))


def episode(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(3, 24, 10)) + 1.2 * rng.normal(size=(3, 1, 10))
    z /= np.linalg.norm(z, axis=-1, keepdims=True)
    return z[:, :4], z[:, 4:]  # 3 ways, 4 shots, 20 queries


@pytest.mark.parametrize("seed", range(3))
def test_centroid_equals_scikit_learns(seed: int) -> None:
    support, query = episode(seed)
    mean = support.mean(1)
    oracle = KNeighborsClassifier(1, metric="cosine").fit(mean, np.arange(3))
    found = centroid(support[None], query.reshape(1, -1, 10))[0].argmax(1)
    np.testing.assert_array_equal(found, oracle.predict(query.reshape(-1, 10)))


@pytest.mark.parametrize("strength", [0.01, 1.0, 30.0])
def test_ridge_equals_scikit_learns(strength: float) -> None:
    support, query = episode(0)
    oracle = RidgeClassifier(alpha=strength).fit(support.reshape(-1, 10), np.repeat(np.arange(3), 4))
    found = ridge(strength)(support[None], query.reshape(1, -1, 10))[0]
    np.testing.assert_allclose(found, oracle.decision_function(query.reshape(-1, 10)), atol=1e-9)


def test_centring_removes_a_direction_that_all_share() -> None:
    """Each support vector minus the mean of all of them, then the cosine; scikit-learn's on what is left."""
    support, query = episode(1)
    centre = support.reshape(-1, 10).mean(0)
    moved = [x - centre for x in (support, query)]
    left, unit_query = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in moved)
    mean = left.mean(1)
    oracle = KNeighborsClassifier(1, metric="cosine").fit(mean, np.arange(3))
    found = centred_centroid(support[None], query.reshape(1, -1, 10))[0].argmax(1)
    np.testing.assert_array_equal(found, oracle.predict(unit_query.reshape(-1, 10)))


def test_centre_is_that_of_the_support_whatever_is_asked() -> None:
    """Queries that all lie to one side: a centre taken from them would give other cosines than the support's."""
    support, query = episode(2)
    query = query.reshape(-1, 10) + 3 * np.eye(10)[0]
    query /= np.linalg.norm(query, axis=-1, keepdims=True)
    centre = support.reshape(-1, 10).mean(0)
    cosines = []
    for q in query:
        means = [np.mean([(s - centre) / np.linalg.norm(s - centre) for s in way], 0) for way in support]
        cosines.append([(q - centre) @ m / np.linalg.norm(m) / np.linalg.norm(q - centre) for m in means])
    found = centred_centroid(support[None], query[None])[0]
    np.testing.assert_allclose(found, cosines, atol=1e-6)
    alone = centred_centroid(support[None], query[None, :1])[0]
    np.testing.assert_allclose(alone, found[:1], atol=1e-6)  # no query knows of the others


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_no_query_knows_of_the_others(classifier) -> None:
    support, query = episode(3)
    together = classifier(support[None], query.reshape(1, -1, 10))[0]
    alone = np.concatenate([classifier(support[None], q[None, None])[0] for q in query.reshape(-1, 10)])
    np.testing.assert_allclose(alone, together, atol=1e-6)


def test_accuracy_equals_a_loop_over_queries() -> None:
    labels, groups = pool()
    rng = np.random.default_rng(0)
    z = rng.normal(size=(len(labels), 16)) + 0.5 * rng.normal(size=(6, 16))[labels]
    e = sample_episodes(labels, groups, k_shot=3, n_way=4, num_episodes=40, num_query=5, rng=rng)
    correct = classify(z, e, centroid)
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    for i in range(40):
        means = [unit[e.support[i, w]].mean(0) for w in range(4)]
        for w in range(4):
            for m in range(5):
                scores = [unit[e.query[i, w, m]] @ c / np.linalg.norm(c) for c in means]
                assert correct[i, w, m] == (int(np.argmax(scores)) == w)


def test_invalid_episodes_are_refused() -> None:
    labels, groups = pool(3, 2, 4)
    rng = np.random.default_rng(0)
    z = np.ones((24, 4))
    with pytest.raises(ValueError, match="class 0 has 8 rows in 2 groups; a support of 5 rows may leave no group"):
        few_shot(z, labels, groups, k_shot=5, rng=rng)
    with pytest.raises(ValueError, match="n_way is 4 with 3 classes"):
        few_shot(z, labels, groups, k_shot=1, n_way=4, rng=rng)
    with pytest.raises(ValueError, match="NaN or infinity"):
        classify(z * np.nan, Episodes(np.zeros((1, 2, 1), int), np.ones((1, 2, 1), int)), centroid)


def test_across_pools_support_and_queries_come_from_their_own_pool() -> None:
    rng = np.random.default_rng(0)
    support, query = np.arange(60) % 3, rng.permutation(np.arange(30) % 3)
    episodes = sample_across(support, query, k_shot=7, num_episodes=20, num_query=10, rng=rng)
    labels = np.concatenate([support, query])
    assert episodes.support.shape == (20, 3, 7)
    assert episodes.query.shape == (20, 3, 10)
    assert episodes.support.max() < 60 <= episodes.query.min()
    for rows in (episodes.support, episodes.query):
        assert (labels[rows] == np.arange(3)[:, None]).all()
        assert (np.diff(np.sort(rows, -1), axis=-1) > 0).all()  # nothing twice
    again = sample_across(support, query, k_shot=7, num_episodes=20, num_query=10, rng=np.random.default_rng(5))
    assert not np.array_equal(again.support, episodes.support)


@pytest.mark.parametrize(("k_shot", "num_query"), [(21, 5), (5, 11)])
def test_across_pools_too_few_rows_are_refused(k_shot: int, num_query: int) -> None:
    support, query, rng = np.arange(60) % 3, np.arange(30) % 3, np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"class 0 has 20 rows for the support and 10 for queries; lower k_shot"):
        sample_across(support, query, k_shot=k_shot, num_episodes=1, num_query=num_query, rng=rng)
