"""Linear probe: logistic regression on frozen embeddings."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from smcrep.probes.inputs import finite, one_a_row, scaled
from smcrep.probes.intervals import Estimate, share_over_units


def linear_probe(
    *,
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    groups: np.ndarray | None = None,
    strength: float = 1.0,
) -> Estimate:
    """Accuracy on ``test`` of multinomial logistic regression fitted to ``train``.

    train [n, d], test [m, d]: scaled as `inputs.scaled` does. groups [m]: objects of the test rows,
    the unit of the interval. strength: weight of the squared penalty on the weights (scikit-learn's 1 / C).
    """
    test_labels = one_a_row("linear_probe", "test_labels", test_labels, len(test))
    correct = linear_classify(train, train_labels, test, strength=strength) == test_labels
    return share_over_units(correct, groups)


def linear_classify(train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, *, strength: float) -> np.ndarray:
    """Label of each row of ``test`` by the regression described above."""
    finite("linear_probe", train=train, test=test)
    train_labels = one_a_row("linear_probe", "train_labels", train_labels, len(train))
    x, queries = scaled(train, test)
    return LogisticRegression(C=1 / strength, max_iter=2000).fit(x, train_labels).predict(queries)
