"""The linear probe equals scikit-learn written out, recognises planted classes and scores chance on noise."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from smcrep.probes.linear import linear_classify, linear_probe


def data(signal: float, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(4, 10))
    labels, test_labels = rng.integers(4, size=200), rng.integers(4, size=400)
    return {
        "train": signal * centres[labels] + rng.normal(size=(200, 10)),
        "train_labels": labels,
        "test": signal * centres[test_labels] + rng.normal(size=(400, 10)),
        "test_labels": test_labels,
    }


@pytest.mark.parametrize("strength", [0.1, 10.0])
def test_equals_scikit_learn_on_features_scaled_by_the_training_rows(strength: float) -> None:
    given = data(0.5)
    train, test = (50 * given[side] + 7 for side in ("train", "test"))
    mean, std = train.mean(0), train.std(0)
    oracle = LogisticRegression(C=1 / strength, max_iter=2000).fit((train - mean) / std, given["train_labels"])
    given |= {"train": train, "test": test}
    found = linear_probe(**given, strength=strength)
    assert found.value == pytest.approx(oracle.score((test - mean) / std, given["test_labels"]))
    labels = linear_classify(train, given["train_labels"], test, strength=strength)
    np.testing.assert_array_equal(labels, oracle.predict((test - mean) / std))


def test_planted_classes_are_recognised_and_noise_scores_chance() -> None:
    assert linear_probe(**data(4.0)).value > 0.98
    low, high = linear_probe(**data(0.0)).ci95
    assert low < 0.25 < high


def test_the_interval_is_over_groups() -> None:
    groups = np.arange(400) // 40
    assert linear_probe(**data(0.5), groups=groups).n == 10
