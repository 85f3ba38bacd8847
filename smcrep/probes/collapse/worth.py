"""What a signal is worth to a small probe in the rows as the model gets them in training, and whether their targets
move: faults of the data that no look at the model can tell apart."""

from itertools import combinations

import numpy as np

from smcrep.probes.inputs import finite, scaled

PENALTY = 0.01
"""Ridge penalty for each row, of inputs scaled to unit variance."""


def worth(target: np.ndarray, signal: np.ndarray, others: np.ndarray, *, order: int = 2) -> float:
    """R2 that the signal [n, a] adds to the others [n, b] in what a probe says of the target [n, c].

    order  1: the signal alone enters; 2: its products with each of the others too.

    The probe is a ridge regression on these, and on the others and their products in pairs; each half of the rows is
    predicted from the other half. R2 is over all dimensions of the target, each scaled to unit variance. Give several
    rows for each of the a b + b^2 / 2 numbers that enter.

    What it cannot see: use by the model; relations of higher order (`worth_with_key`).
    """
    finite("worth", target=target, signal=signal, others=others)
    known = np.hstack([others, products(others)])
    steps = [np.ones((len(signal), 1)), others][:order]
    told = np.hstack([_times(signal, step) for step in steps])
    return _r2(np.hstack([known, told]), target) - _r2(known, target)


def worth_with_key(target: np.ndarray, signal: np.ndarray, others: np.ndarray) -> float:
    """The same of the signal times the product of two of the others, those two that tell most in the half of the rows
    that is fitted: a sign, or a key, that they hold together. About 0 without a key, for a sound signal too.

    What it cannot see: a key that only three others hold.
    """
    finite("worth_with_key", target=target, signal=signal, others=others)
    keys, sums = products(others), np.zeros(2)
    known = np.hstack([others, keys])
    for train, test in _halves(len(target)):
        (x_train, x_test), (y_train, y_test) = scaled(known[train], known[test]), scaled(target[train], target[test])
        weight = _ridge(x_train, y_train)
        left_train, left_test = y_train - x_train @ weight, y_test - x_test @ weight
        told = signal[:, None] * keys[:, :, None]  # [n, keys, a]
        own_train, own_test = scaled(told[train], told[test])
        gram = np.einsum("nka,nkb->kab", own_train, own_train) + PENALTY * len(x_train) * np.eye(signal.shape[1])
        weights = np.linalg.solve(gram, np.einsum("nka,nc->kac", own_train, left_train))
        left = np.square(left_train - np.einsum("nka,kac->knc", own_train, weights)).sum((1, 2))
        best = int(left.argmin())
        gain = np.square(left_test).sum() - np.square(left_test - own_test[:, best] @ weights[best]).sum()
        sums += gain, np.square(y_test).sum()
    return float(sums[0] / sums[1])


def products(x: np.ndarray) -> np.ndarray:
    """[n, b (b - 1) / 2] of columns [n, b]: products of two different ones."""
    pairs = list(combinations(range(x.shape[1]), 2))
    return np.stack([x[:, i] * x[:, j] for i, j in pairs], 1) if pairs else np.zeros((len(x), 0))


def read_with_products(features: np.ndarray, target: np.ndarray) -> float:
    """R2 of the target [n, c] by the same probe on features [n, b] and their products in pairs."""
    finite("read_with_products", features=features, target=target)
    return _r2(np.hstack([features, products(features)]), target)


def standing_still(training: np.ndarray, good: np.ndarray, repeated: np.ndarray) -> float:
    """Share of the training targets in which the signal did nothing: 1 - (V_training - V_repeated) / (V_good -
    V_repeated), V being the variance within a state, summed over dimensions; 0 to 1.

    training, good  [states, k, c] targets of k values of the signal from one state, as training has them and as they
                    are known to be.
    repeated        [states, k, c] targets of one and the same value: the noise.
    """
    finite("standing_still", training=training, good=good, repeated=repeated)
    moved, whole, noise = (float(x.var(1, ddof=1).sum(-1).mean()) for x in (training, good, repeated))
    return float(np.clip(1 - (moved - noise) / max(whole - noise, 1e-12), 0, 1))


def _r2(x: np.ndarray, y: np.ndarray) -> float:
    sums = np.zeros(2)
    for train, test in _halves(len(x)):
        (x_train, x_test), (y_train, y_test) = scaled(x[train], x[test]), scaled(y[train], y[test])
        sums += np.square(y_test - x_test @ _ridge(x_train, y_train)).sum(), np.square(y_test).sum()
    return float(1 - sums[0] / sums[1])


def _halves(n: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    first, second = slice(None, n // 2), slice(n // 2, None)
    return (first, second), (second, first)


def _ridge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.linalg.solve(x.T @ x + PENALTY * len(x) * np.eye(x.shape[1]), x.T @ y)


def _times(signal: np.ndarray, step: np.ndarray) -> np.ndarray:
    """[n, a b]: every product of a column of each."""
    return (signal[:, :, None] * step[:, None]).reshape(len(signal), -1)
