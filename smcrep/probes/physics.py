"""Physics probe: regression of mass and friction from embeddings of an outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from sklearn.linear_model import Ridge

from smcrep.probes.bootstrap import widened_interval
from smcrep.probes.inputs import finite, scaled
from smcrep.probes.intervals import Estimate

NUM_RESAMPLES = 500


@dataclass(frozen=True)
class PhysicsScore:
    """R2 = 1 - sum (y - p)^2 / sum (y - mean of the test y)^2 (a constant reads at most 0), and Spearman's rank
    correlation (0 where the prediction is constant)."""

    r2: Estimate
    spearman: Estimate


def physics_probe(
    *,
    train: np.ndarray,
    train_physics: np.ndarray,
    test: np.ndarray,
    test_physics: np.ndarray,
    groups: np.ndarray | None = None,
    names: Sequence[str],
    rng: np.random.Generator,
    regression: Callable[[], Any] = Ridge,
) -> dict[str, PhysicsScore]:
    """Regression of each physics parameter on features `inputs.scaled`; ``regression`` makes an untrained
    one, with scikit-learn's ``fit`` and ``predict``.

    train [n, d], test [m, d]: embeddings of before, after and the action, concatenated: mass shows in the effect of a
    known push, not in an image. *_physics [.., p] in the order of ``names``; groups [m]: the unit of the intervals.
    Parameters that do not vary in train or test are left out of the result.
    """
    if train_physics.shape[1] != len(names):
        raise ValueError(
            f"physics_probe: {train_physics.shape[1]} parameters and {len(names)} names; give one a column"
        )
    finite("physics_probe", train=train, train_physics=train_physics, test=test, test_physics=test_physics)
    x, queries = scaled(train, test)
    varied = [i for i in range(len(names)) if min(np.ptp(train_physics[:, i]), np.ptp(test_physics[:, i])) > 1e-6]
    scores: dict[str, PhysicsScore] = {}
    for i in varied:
        predicted = regression().fit(x, train_physics[:, i]).predict(queries)
        scores[names[i]] = physics_score(test_physics[:, i], predicted, groups, rng=rng)
    return scores


def physics_score(
    true: np.ndarray, predicted: np.ndarray, groups: np.ndarray | None = None, *, rng: np.random.Generator
) -> PhysicsScore:
    """R2 and Spearman of predictions [m], with bootstrap intervals over groups [m]."""
    finite("physics_score", true=true, predicted=predicted)
    true, predicted = np.asarray(true).ravel(), np.asarray(predicted).ravel()  # [m, 1] would broadcast to [m, m]
    member = np.arange(len(true)) if groups is None else np.unique(groups, return_inverse=True)[1].ravel()
    rows = [np.flatnonzero(member == g) for g in range(member.max() + 1)]
    if len(rows) < 2:
        raise ValueError("physics_score: all rows are of one group; an interval needs at least 2")
    draws = (np.concatenate([rows[g] for g in rng.integers(len(rows), size=len(rows))]) for _ in range(NUM_RESAMPLES))
    resampled = np.array([(_r2(true[d], predicted[d]), _spearman(true[d], predicted[d])) for d in draws])
    return PhysicsScore(
        widened_interval(_r2(true, predicted), resampled[:, 0], len(rows)),
        widened_interval(_spearman(true, predicted), resampled[:, 1], len(rows)),
    )


def _r2(true: np.ndarray, predicted: np.ndarray) -> float:
    spread = np.square(true - true.mean()).sum()
    return float(1 - np.square(true - predicted).sum() / max(spread, 1e-12))


def _spearman(true: np.ndarray, predicted: np.ndarray) -> float:
    a, b = stats.rankdata(true), stats.rankdata(predicted)
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / norm) if norm > 0 else 0.0
