"""Linear support vector machines on frozen features: two protocols for comparing encoders of point clouds."""

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC, LinearSVC

from smcrep.probes.few_shot import Episodes
from smcrep.probes.inputs import finite, one_a_row, scaled

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def svm_correct(
    *, train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray, c: float
) -> np.ndarray:
    """bool [m]: which rows of ``test`` a linear SVM fitted to ``train`` [n, d], both scaled by `inputs.scaled`, gets
    right. c: scikit-learn's C; choose it by `choose_c`, never on ``test``."""
    finite("svm", train=train, test=test)
    train_labels = one_a_row("svm", "train_labels", train_labels, len(train))
    test_labels = one_a_row("svm", "test_labels", test_labels, len(test))
    x, queries = scaled(train, test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a large C need not converge: it is only tried
        fitted = LinearSVC(C=c, max_iter=3000, random_state=0).fit(x, train_labels)
    return np.equal(fitted.predict(queries), test_labels)


def choose_c(
    *,
    fit: np.ndarray,
    fit_labels: np.ndarray,
    held_out: np.ndarray,
    held_out_labels: np.ndarray,
    strengths: Sequence[float] = STRENGTHS,
) -> float:
    """The C of ``strengths`` that is right most often on ``held_out``, rows of the training side that share no shape
    with ``fit``; the smallest of equals."""
    held = {"train": fit, "train_labels": fit_labels, "test": held_out, "test_labels": held_out_labels}
    right = [svm_correct(**held, c=c).mean() for c in sorted(strengths)]
    return sorted(strengths)[int(np.argmax(right))]


def svm_episodes(features: np.ndarray, episodes: Episodes, *, c: float = 1.0) -> np.ndarray:
    """float64 [e, w, m]: 1 where a query got its class from a linear SVM (one against one) fitted to the support of its
    episode, features being scaled by that support (`inputs.scaled`)."""
    finite("svm", features=features)
    e, w, m = episodes.query.shape
    k = episodes.support.shape[2]
    correct = np.empty((e, w, m))
    for i in range(e):
        support, query = scaled(features[episodes.support[i].ravel()], features[episodes.query[i].ravel()])
        machine = SVC(kernel="linear", C=c).fit(support, np.repeat(np.arange(w), k))
        correct[i] = (machine.predict(query) == np.repeat(np.arange(w), m)).reshape(w, m)
    return correct
