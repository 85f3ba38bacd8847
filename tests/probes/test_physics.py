"""Scores equal scikit-learn's and scipy's; a planted mass is predicted; constant parameters are left out."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsRegressor

from smcrep.probes.physics import physics_probe, physics_score


def planted(num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Mass shows in the features, friction does not, restitution never varies."""
    rng = np.random.default_rng(seed)
    physics = np.stack([rng.uniform(-3, 0, num), rng.uniform(0.2, 1, num), np.full(num, 0.1)], 1)
    features = rng.normal(size=(num, 12))
    features[:, 3] += 2 * physics[:, 0]
    return features, physics


def sides(x: np.ndarray, y: np.ndarray, q: np.ndarray, wanted: np.ndarray) -> dict[str, Any]:
    return {"train": x, "train_physics": y, "test": q, "test_physics": wanted}


def test_planted_mass_is_predicted_and_unseen_friction_is_not() -> None:
    names = ("log_mass", "friction", "restitution")
    given = sides(*planted(400, 0), *planted(200, 1)) | {"groups": np.arange(200) // 10, "names": names}
    found = physics_probe(**given, rng=np.random.default_rng(0))
    assert set(found) == {"log_mass", "friction"}
    assert found["log_mass"].r2.value > 0.6
    assert found["log_mass"].spearman.ci95[0] > 0.7
    assert found["log_mass"].r2.n == 20
    assert found["friction"].r2.value < 0.05
    assert found["friction"].spearman.ci95[0] < 0 < found["friction"].spearman.ci95[1]


def test_another_regression_can_be_passed() -> None:
    """A product of two features is invisible to linear regression and clear to nearest neighbours."""
    rng = np.random.default_rng(0)
    x, y = (rng.uniform(-1, 1, (600, 2)) for _ in range(2))
    products = x.prod(1, keepdims=True), y.prod(1, keepdims=True)
    given = sides(x, products[0], y, products[1]) | {"names": ("friction",), "rng": rng}
    line = physics_probe(**given)["friction"].r2.value
    near = physics_probe(**given, regression=KNeighborsRegressor)["friction"].r2.value
    assert line < 0.1
    assert near > 0.9


def test_scores_equal_scikit_learns_and_scipys_with_ties_too() -> None:
    rng = np.random.default_rng(0)
    true = np.round(rng.normal(size=60), 1)
    predicted = np.round(true + rng.normal(size=60), 1)
    found = physics_score(true, predicted, rng=rng)
    assert found.r2.value == pytest.approx(r2_score(true, predicted))
    assert found.spearman.value == pytest.approx(spearmanr(true, predicted).statistic)


def test_constant_prediction_scores_at_most_0() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(size=50)
    best, other = (physics_score(true, np.full(50, c), rng=rng) for c in (true.mean(), 2.0))
    assert best.r2.value == pytest.approx(0)
    assert other.r2.value < 0
    assert (best.spearman.value, best.spearman.ci95) == (0, (0, 0))


def test_spearman_interval_has_its_coverage() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(20):
        true = rng.normal(size=80)
        low, high = physics_score(true, rng.normal(size=80), rng=rng).spearman.ci95
        held += low <= 0 <= high
    assert held >= 16


def test_wrong_names_and_a_single_group_are_refused() -> None:
    x, y = planted(20, 0)
    with pytest.raises(ValueError, match="3 parameters and 1 names"):
        physics_probe(**sides(x, y, x, y), names=("log_mass",), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="at least 2"):
        physics_score(y[:, 0], y[:, 0], np.zeros(20), rng=np.random.default_rng(0))
