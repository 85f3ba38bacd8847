"""What is decodable from what: each target read by a linear probe from each part of an embedding."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import Ridge

from smcrep.probes.inputs import finite, one_a_row, scaled
from smcrep.probes.intervals import Estimate, over_units
from smcrep.probes.linear import linear_probe


@dataclass(frozen=True)
class Decoded:
    """How well a target is read from a part.

    measure  "accuracy" of a label, "R2" of a number.
    score    on the rows of test, with its interval.
    floor    what a constant scores: the share of the label that is the most frequent in training; 0 for R2.
    """

    measure: str
    score: Estimate
    floor: float


def decodable(
    *,
    train: Mapping[str, np.ndarray],
    train_targets: Mapping[str, np.ndarray],
    test: Mapping[str, np.ndarray],
    test_targets: Mapping[str, np.ndarray],
    groups: np.ndarray | None = None,
) -> dict[tuple[str, str], Decoded]:
    """(part, target) -> how well a linear reader fitted to ``train`` finds it in ``test``.

    train, test  part -> [n, d], [m, d].
    *_targets    name -> [n], [m]: whole numbers and words are labels, read by logistic regression (`linear_probe`),
                 other numbers by ridge regression on features `inputs.scaled`.
    groups       [m]: objects of the test rows, the unit of the intervals; they should not be those of training.
    """
    if train.keys() != test.keys() or train_targets.keys() != test_targets.keys():
        raise ValueError(
            f"decodable: parts {sorted(train)} and targets {sorted(train_targets)} of training, {sorted(test)} and "
            f"{sorted(test_targets)} of test; give the same names"
        )
    found = {}
    for part in train:
        for name in train_targets:
            x, queries = train[part], test[part]
            y = one_a_row("decodable", f"training targets {name!r}", train_targets[name], len(x))
            true = one_a_row("decodable", f"test targets {name!r}", test_targets[name], len(queries))
            read = _number if y.dtype.kind == "f" else _label
            found[part, name] = read(x, y, queries, true, groups)
    return found


def _label(x: np.ndarray, y: np.ndarray, queries: np.ndarray, true: np.ndarray, groups: np.ndarray | None) -> Decoded:
    labels, counts = np.unique(y, return_counts=True)
    score = linear_probe(train=x, train_labels=y, test=queries, test_labels=true, groups=groups)
    return Decoded("accuracy", score, float(np.mean(true == labels[counts.argmax()])))


def _number(x: np.ndarray, y: np.ndarray, queries: np.ndarray, true: np.ndarray, groups: np.ndarray | None) -> Decoded:
    """R2 = 1 - mean (y - p)^2 / mean (y - mean of the test y)^2, a smooth function of two means."""
    finite("decodable", train=x, test=queries)
    if not min(np.ptp(y), np.ptp(true)):
        raise ValueError("decodable: a target is the same in all rows; leave it out")
    x, queries = scaled(x, queries)
    errors = true - Ridge().fit(x, y).predict(queries)
    squares = np.stack([errors**2, (true - true.mean()) ** 2], 1)
    return Decoded("R2", over_units(squares, groups, statistic=lambda mean: 1 - mean[..., 0] / mean[..., 1]), 0.0)
