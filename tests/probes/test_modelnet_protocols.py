"""Support and queries come from the sides that each protocol says, share no shape, and are of their class."""

import numpy as np
import pytest

from smcrep.probes.modelnet_protocols import folds, frozen_episodes
from smcrep.probes.svm import svm_episodes

TRAIN, TEST = np.repeat(np.arange(6), 40), np.repeat(np.arange(6), 25)


def test_crosspoint_draws_both_from_one_side() -> None:
    found = frozen_episodes(TRAIN, n_way=5, k_shot=10, num_episodes=8, rng=np.random.default_rng(0))
    assert (found.support.shape, found.query.shape) == ((8, 5, 10), (8, 5, 20))
    for support, query in zip(found.support, found.query, strict=True):
        assert len(set(support.ravel()) | set(query.ravel())) == 5 * 30
        assert len(set(TRAIN[support[:, 0]])) == 5
        assert (TRAIN[support] == TRAIN[support][:, :1]).all()
        assert (TRAIN[query] == TRAIN[support][:, :1]).all()


def test_folds_ask_the_test_side_ten_times() -> None:
    found = folds(TRAIN, TEST, n_way=5, k_shot=20, rng=np.random.default_rng(0))
    assert (found.support.shape, found.query.shape) == ((10, 5, 20), (10, 5, 20))
    assert found.support.max() < len(TRAIN) <= found.query.min()
    both = np.concatenate([TRAIN, TEST])
    assert (both[found.query] == both[found.support][..., :1]).all()
    assert all(len(set(rows)) == 20 for fold in found.query for rows in fold)
    again = folds(TRAIN, TEST, n_way=5, k_shot=20, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(found.query, again.query)


def test_separable_features_are_found_and_noise_reads_chance() -> None:
    rng = np.random.default_rng(1)
    both = np.concatenate([TRAIN, TEST])
    found = folds(TRAIN, TEST, n_way=5, k_shot=10, rng=rng)
    assert svm_episodes(np.eye(6)[both] + 0.01 * rng.normal(size=(len(both), 6)), found).mean() == 1
    assert svm_episodes(rng.normal(size=(len(both), 6)), found).mean() == pytest.approx(0.2, abs=0.05)


def test_small_class_is_one_line() -> None:
    labels = np.concatenate([TRAIN, np.full(25, 6)])
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="class 6 has 25 shapes to draw 30 from; lower k_shot"):
        frozen_episodes(labels, n_way=5, k_shot=10, num_episodes=1, rng=rng)
    with pytest.raises(ValueError, match="class 6 has 25 shapes to draw 10 from and 0 test shapes"):
        folds(labels, TEST, n_way=5, k_shot=10, rng=rng)
    with pytest.raises(ValueError, match="n_way is 9 with 6 classes"):
        folds(TRAIN, TEST, n_way=9, k_shot=1, rng=rng)


def test_classes_with_few_test_shapes_give_what_they_have() -> None:
    found = folds(TRAIN, np.repeat(np.arange(6), 3), n_way=2, k_shot=1, rng=np.random.default_rng(0))
    assert all(len(set(rows)) <= 3 for fold in found.query for rows in fold)
