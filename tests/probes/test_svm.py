"""SVM probes equal scikit-learn, recognise planted classes, score chance on noise, and choose C on held-out rows."""

import numpy as np
import pytest
from sklearn.svm import SVC, LinearSVC

from smcrep.probes.few_shot import Episodes, sample_across
from smcrep.probes.svm import choose_c, svm_correct, svm_episodes


def data(signal: float, n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres, labels = np.random.default_rng(9).normal(size=(4, 10)), np.arange(n) % 4
    return 7 + 50 * (signal * centres[labels] + rng.normal(size=(n, 10))), labels


def sides(x: np.ndarray, y: np.ndarray, q: np.ndarray, wanted: np.ndarray) -> dict[str, np.ndarray]:
    return {"train": x, "train_labels": y, "test": q, "test_labels": wanted}


def test_svm_equals_scikit_learn_on_features_scaled_by_the_training_rows() -> None:
    (x, y), (q, wanted) = data(0.5), data(0.5, seed=1)
    mean, std = x.mean(0), x.std(0)
    oracle = LinearSVC(C=0.03, max_iter=3000, random_state=0).fit((x - mean) / std, y).predict((q - mean) / std)
    np.testing.assert_array_equal(svm_correct(**sides(x, y, q, wanted), c=0.03), oracle == wanted)


def test_planted_classes_are_recognised_and_noise_scores_chance() -> None:
    (x, y), (q, wanted) = data(4.0), data(4.0, seed=1)
    assert svm_correct(**sides(x, y, q, wanted), c=0.1).mean() > 0.98
    (x, y), (q, wanted) = data(0.0), data(0.0, 2000, seed=1)
    assert svm_correct(**sides(x, y, q, wanted), c=0.1).mean() == pytest.approx(0.25, abs=0.05)


def test_smallest_of_the_best_c_on_held_out_rows_is_chosen() -> None:
    (x, y), (q, wanted) = data(0.4, 60), data(0.4, 1000, seed=1)
    right = {c: svm_correct(**sides(x, y, q, wanted), c=c).mean() for c in (1e-6, 1e-2, 1e2)}
    held_out = {"fit": x, "fit_labels": y, "held_out": q, "held_out_labels": wanted}
    assert right[choose_c(**held_out, strengths=(1e2, 1e-6, 1e-2))] == max(right.values())
    easy, labels = data(20.0)
    assert choose_c(fit=easy, fit_labels=labels, held_out=easy, held_out_labels=labels, strengths=(1.0, 0.1)) == 0.1


def test_episodes_equal_a_loop() -> None:
    x, y = data(0.8)
    episodes = sample_across(y[:200], y[200:], k_shot=3, num_episodes=4, num_query=5, rng=np.random.default_rng(0))
    found = svm_episodes(x, episodes)
    assert found.shape == (4, 4, 5)
    for i in range(4):
        rows = episodes.support[i].ravel()
        mean, std = x[rows].mean(0), x[rows].std(0)
        machine = SVC(kernel="linear", C=1.0).fit((x[rows] - mean) / std, y[rows])
        for way in range(4):
            wanted = episodes.query[i, way]
            np.testing.assert_array_equal(found[i, way], machine.predict((x[wanted] - mean) / std) == y[wanted])


def test_constant_features_score_chance() -> None:
    support = np.arange(6).reshape(3, 2, 1)
    episodes = Episodes(support, support[:, :, [0, 0]] + 6)
    assert svm_episodes(np.ones((12, 5)), episodes).mean() == pytest.approx(0.5)
