"""The k-NN probe equals scikit-learn's neighbours under the same weights, on clean and crowded data."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from smcrep.probes import knn
from smcrep.probes.knn import knn_classify, knn_probe, neighbours


def data(signal: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 10))
    labels, test_labels = rng.integers(4, size=150), rng.integers(4, size=200)
    return (
        signal * centres[labels] + rng.normal(size=(150, 10)),
        labels,
        signal * centres[test_labels] + rng.normal(size=(200, 10)),
        test_labels,
    )


def named(signal: float) -> dict[str, np.ndarray]:
    return dict(zip(("train", "train_labels", "test", "test_labels"), data(signal), strict=True))


@pytest.mark.parametrize("k", [1, 5, 20])
def test_knn_equals_scikit_learn(k: int) -> None:
    train, labels, test, _ = data(0.7)
    names = np.array(["mug", "bowl", "can", "lamp"])[labels]
    oracle = KNeighborsClassifier(k, metric="cosine", weights=lambda distance: np.exp((1 - distance) / 0.07))
    wanted = oracle.fit(train, names).predict(test)
    np.testing.assert_array_equal(knn_classify(train, names, test, k=k), wanted)


def test_planted_classes_are_recognised_and_noise_scores_chance() -> None:
    assert knn_probe(**named(4.0)).value > 0.98
    low, high = knn_probe(**named(0.0)).ci95
    assert low < 0.25 < high


def test_neighbours_are_by_cosine_and_arguments_are_unchanged() -> None:
    train, _, test, _ = data(0.7)
    train32, test32 = train.astype(np.float32), test.astype(np.float32)
    kept = train32.copy(), test32.copy()
    cosine, row = neighbours(train32, test32, 3)
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (test, train)]
    wanted = unit[0] @ unit[1].T
    np.testing.assert_array_equal(row, np.argsort(-wanted, 1)[:, :3])
    np.testing.assert_allclose(cosine, -np.sort(-wanted, 1)[:, :3], atol=1e-5)
    np.testing.assert_array_equal(train32, kept[0])
    np.testing.assert_array_equal(test32, kept[1])


def test_fewer_training_rows_than_k_all_vote() -> None:
    train, labels, test, _ = data(4.0)
    assert (knn_classify(train[:3], labels[:3], test, k=20) == knn_classify(train[:3], labels[:3], test, k=3)).all()


def test_search_in_parts_equals_search_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    train, _, test, _ = data(0.7)
    whole = neighbours(train, test, 20)
    monkeypatch.setattr(knn, "ROWS_AT_ONCE", 16)
    cosine, row = neighbours(train, test, 20)
    np.testing.assert_array_equal(row, whole[1])
    np.testing.assert_allclose(cosine, whole[0], atol=1e-6)


def test_rows_beyond_the_last_are_minus_one() -> None:
    train, _, test, _ = data(0.7)
    cosine, row = neighbours(train[:3], test, 5)
    assert (row[:, 3:] == -1).all()
    assert (np.sort(row[:, :3], 1) == np.arange(3)).all()
    assert np.isneginf(cosine[:, 3:]).all()


def test_the_interval_is_over_groups() -> None:
    """Copies of an object say nothing more: the interval is that of 10 objects, and several times as wide."""
    given, groups = named(0.7), np.arange(200) // 20
    rows, objects = knn_probe(**given), knn_probe(**given, groups=groups)
    assert (rows.n, objects.n) == (200, 10)
    assert rows.value == objects.value
    copies = given | {"test": given["test"][groups * 20], "test_labels": given["test_labels"][groups * 20]}
    rows, objects = knn_probe(**copies), knn_probe(**copies, groups=groups)
    assert np.ptp(objects.ci95) > 2.5 * np.ptp(rows.ci95)
