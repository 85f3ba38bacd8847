"""k-NN probe: the nearest training embeddings vote for their classes, without fitting."""

import faiss
import numpy as np

from smcrep.probes.inputs import finite, one_a_row
from smcrep.probes.intervals import Estimate, share_over_units

ROWS_AT_ONCE = 16_384


def knn_probe(
    *,
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    groups: np.ndarray | None = None,
    k: int = 20,
    temperature: float = 0.07,
) -> Estimate:
    """Accuracy on ``test`` [m, d] of a vote of the k rows of ``train`` [n, d] with the largest cosine, each with
    weight exp(cosine / temperature) (arXiv:1805.01978, section 3.4). groups [m]: the unit of the interval."""
    test_labels = one_a_row("knn", "test_labels", test_labels, len(test))
    correct = knn_classify(train, train_labels, test, k=k, temperature=temperature) == test_labels
    return share_over_units(correct, groups)


def knn_classify(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, *, k: int, temperature: float = 0.07
) -> np.ndarray:
    """Label of each row of ``test`` by the vote described above; fewer than k training rows all vote."""
    train_labels = one_a_row("knn", "train_labels", train_labels, len(train))
    names, label = np.unique(train_labels, return_inverse=True)
    cosine, neighbour = neighbours(train, test, min(k, len(train)))
    votes = np.zeros((len(test), len(names)))
    weight = np.exp((cosine - cosine[:, :1]) / temperature)
    np.add.at(votes, (np.arange(len(test))[:, None], label[neighbour]), weight)
    return names[votes.argmax(1)]


def neighbours(train: np.ndarray, test: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines [m, k], falling, and rows [m, k] of the k nearest of ``train`` [n, d] to each of ``test`` [m, d]; row -1
    beyond the n-th. ``train`` is searched in parts, so it may be memory-mapped."""
    finite("knn", test=test)
    test = _unit(test)
    cosine, row = np.full((len(test), k), -np.inf, np.float32), np.full((len(test), k), -1)
    for start in range(0, len(train), ROWS_AT_ONCE):
        finite("knn", train=train[start : start + ROWS_AT_ONCE])
        part = _unit(train[start : start + ROWS_AT_ONCE])
        here, which = faiss.knn(test, part, min(k, len(part)), faiss.METRIC_INNER_PRODUCT)
        cosine, row = np.concatenate([cosine, here], 1), np.concatenate([row, which + start], 1)
        best = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
        cosine, row = np.take_along_axis(cosine, best, 1), np.take_along_axis(row, best, 1)
    return cosine, row


def _unit(x: np.ndarray) -> np.ndarray:
    x = np.array(x, np.float32, order="C")  # a copy: faiss normalises in place
    faiss.normalize_L2(x)
    return x
