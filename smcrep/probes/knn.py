"""k-NN probe: classes of the nearest training embeddings vote, nothing is fitted."""

import faiss
import numpy as np

from smcrep.probes.intervals import Estimate, cluster_bootstrap


def knn_probe(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    rng: np.random.Generator,
    k: int = 20,
    temperature: float = 0.07,
) -> Estimate:
    """Accuracy on ``test`` [m, d] of a vote of the k rows of ``train`` [n, d] with the largest cosine, each weighing
    exp(cosine / temperature) (arXiv:1805.01978, section 3.4). groups [m]: the unit of the interval."""
    correct = knn_classify(train, train_labels, test, k=k, temperature=temperature) == test_labels
    return cluster_bootstrap(correct, groups, rng=rng)


def knn_classify(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, *, k: int, temperature: float = 0.07
) -> np.ndarray:
    """Label of each row of ``test`` by the vote described above; fewer than k training rows all vote."""
    names, label = np.unique(train_labels, return_inverse=True)
    cosine, neighbour = neighbours(train, test, min(k, len(train)))
    votes = np.zeros((len(test), len(names)))
    weight = np.exp((cosine - cosine[:, :1]) / temperature)
    np.add.at(votes, (np.arange(len(test))[:, None], label[neighbour]), weight)
    return names[votes.argmax(1)]


def neighbours(train: np.ndarray, test: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines [m, k], falling, and rows [m, k] of the k nearest of ``train`` [n, d] to each of ``test`` [m, d]."""
    train, test = (np.array(x, np.float32, order="C") for x in (train, test))  # a copy: faiss normalises in place
    faiss.normalize_L2(train)
    faiss.normalize_L2(test)
    index = faiss.IndexFlatIP(train.shape[1])
    index.add(train)  # type: ignore[call-arg]
    return index.search(test, k)  # type: ignore[call-arg]
