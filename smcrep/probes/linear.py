"""Linear probe: logistic regression on frozen embeddings."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from smcrep.probes.intervals import Estimate, cluster_bootstrap


def linear_probe(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    rng: np.random.Generator,
    strength: float = 1.0,
) -> Estimate:
    """Accuracy on ``test`` of multinomial logistic regression fitted to ``train``.

    train [n, d], test [m, d]: scaled by the mean and deviation of ``train``. groups [m]: objects of the test rows,
    the unit of the interval. strength: weight of the squared penalty on the weights (scikit-learn's 1 / C).
    """
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=1 / strength, max_iter=2000))
    correct = classifier.fit(train, train_labels).predict(test) == test_labels
    return cluster_bootstrap(correct, groups, rng=rng)
