"""Probes refuse what is not finite, read labels [m, 1] as [m], and learn nothing from what never varies in training."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from smcrep.geometry.action import Action
from smcrep.probes.collapse import depth_distance
from smcrep.probes.equivariance import group_laws
from smcrep.probes.few_shot import few_shot, sample_across, sample_episodes
from smcrep.probes.inputs import finite, one_a_row, scaled
from smcrep.probes.knn import knn_probe, neighbours
from smcrep.probes.linear import linear_probe
from smcrep.probes.moved_cloud import moved_cloud_scores
from smcrep.probes.physics import physics_probe, physics_score
from smcrep.probes.pose import pose_errors, pose_probe, steerable_pose
from smcrep.probes.retrieval import retrieval
from smcrep.probes.svm import svm_correct, svm_episodes
from smcrep.probes.symmetry import add_s

NUM_TRAIN, NUM_TEST, DIM = 120, 90, 6
Sides = dict[str, np.ndarray]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def sides(signal: float = 0.8) -> Sides:
    """Three classes, not perfectly told apart."""
    draw, labels = rng(), (np.arange(NUM_TRAIN) % 3, np.arange(NUM_TEST) % 3)
    centres = signal * draw.normal(size=(3, DIM))
    x, q = (centres[own] + draw.normal(size=(len(own), DIM)) for own in labels)
    return {"train": x, "train_labels": labels[0], "test": q, "test_labels": labels[1]}


def turns(num: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two vectors before and after a turn by up to 40 degrees about z."""
    draw = np.random.default_rng(seed)
    angle = np.radians(draw.uniform(-40, 40, num))
    rotation = np.zeros((num, 3, 3))
    rotation[:, 0, 0] = rotation[:, 1, 1] = np.cos(angle)
    rotation[:, 1, 0], rotation[:, 0, 1] = np.sin(angle), -np.sin(angle)
    rotation[:, 2, 2] = 1
    before = draw.normal(size=(num, 2, 3))
    return before.reshape(num, 6), (before @ rotation.swapaxes(1, 2)).reshape(num, 6), rotation


def pose(train: tuple, test: tuple) -> float:
    return pose_probe(train=train, test=test, rng=rng(), hidden=64, steps=200, lr=3e-3).mean_deg.value


def physics(given: Sides, **changes: Any) -> float:
    columns = {"train": given["train"], "test": given["test"]}
    columns |= {f"{side}_physics": given[f"{side}_labels"].astype(float)[:, None] for side in ("train", "test")}
    return physics_probe(**columns, names=("mass",), rng=rng(), **changes)["mass"].r2.value


def right(given: Sides) -> float:
    return float(svm_correct(**given, c=0.1).mean())


FITTED: dict[str, Callable[[Sides], float]] = {
    "k-NN": lambda given: knn_probe(**given).value,
    "linear": lambda given: linear_probe(**given).value,
    "SVM": right,
}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("side", ["train", "test"])
@pytest.mark.parametrize("probe", [*FITTED.values(), physics], ids=[*FITTED, "physics"])
def test_features_that_are_not_finite_are_refused_with_their_number(probe, side: str, bad: float) -> None:
    given = sides()
    given[side][[3, 8], 2] = bad
    with pytest.raises(ValueError, match=f"{side} hold NaN or infinity in 2 of {len(given[side])} rows; check"):
        probe(given)


def test_nan_is_refused_by_every_other_probe_too() -> None:
    nan, ok = np.full((40, 6), np.nan), np.ones((40, 6))
    turn = np.broadcast_to(np.eye(3), (40, 3, 3))
    cloud, action = torch.ones(2, 5, 3), Action.identity(40)
    moves = torch.eye(4).expand(2, 4, 4, 4)
    labels = np.arange(40) % 2
    episodes = sample_episodes(labels, None, k_shot=2, n_way=2, num_episodes=2, num_query=3, rng=rng())
    refuse: list[Callable[[], object]] = [
        lambda: neighbours(nan, ok, 3),
        lambda: pose((nan, ok, turn), (ok, ok, turn)),
        lambda: pose((ok, ok, turn), (ok, nan, turn)),
        lambda: pose((ok, ok, turn * np.nan), (ok, ok, turn)),
        lambda: pose_errors(nan[:, 0], ok[:, 0], None),
        lambda: steerable_pose(nan.reshape(40, 2, 3), ok.reshape(40, 2, 3)),
        lambda: few_shot(nan, labels, k_shot=2, rng=rng()),
        lambda: svm_episodes(nan, episodes),
        lambda: physics_score(ok[:, 0], nan[:, 0], rng=rng()),
        lambda: retrieval(nan.reshape(4, 10, 6), ok.reshape(4, 10, 6)),
        lambda: group_laws(lambda z, a: z, torch.tensor(nan), action, action, action, torch.tensor(ok)),
        lambda: moved_cloud_scores(cloud * torch.nan, moves, cloud[:, None].expand(2, 4, 5, 3)),
        lambda: depth_distance(np.full((1, 1, 2, 2), np.nan), np.ones((1, 1, 2, 2))),
        lambda: add_s(nan[:, :3], turn, turn),
        lambda: few_shot(ok, np.where(labels, np.nan, 0.0), k_shot=2, rng=rng()),
    ]
    for probe in refuse:
        with pytest.raises(ValueError, match="NaN"):
            probe()


@pytest.mark.parametrize("probe", [*FITTED.values(), physics], ids=[*FITTED, "physics"])
def test_labels_in_a_column_are_labels(probe) -> None:
    given = sides()
    column = {name: values[:, None] if "labels" in name else values for name, values in given.items()}
    if probe is physics:
        column = given  # its targets are columns already
    assert probe(column) == probe(given)


def test_labels_in_a_column_are_labels_for_episodes_and_scores() -> None:
    z, labels = sides()["train"], sides()["train_labels"]
    flat, column = (few_shot(z, each, k_shot=3, rng=rng(), num_episodes=20) for each in (labels, labels[:, None]))
    assert flat == column
    across = [
        sample_across(own, own, k_shot=3, num_episodes=2, num_query=4, rng=rng()) for own in (labels, labels[:, None])
    ]
    np.testing.assert_array_equal(across[0].query, across[1].query)
    true, predicted = rng().normal(size=(2, 30))
    whole = physics_score(true, predicted, rng=rng())
    assert physics_score(true[:, None], predicted, rng=rng()) == whole
    assert physics_score(true, predicted[:, None], rng=rng()) == whole


@pytest.mark.parametrize("probe", FITTED.values(), ids=FITTED)
def test_labels_that_are_not_one_a_row_are_refused(probe) -> None:
    given = sides()
    with pytest.raises(ValueError, match=r"test_labels of shape \[90, 2\] for 90 rows; give one a row"):
        probe(given | {"test_labels": np.zeros((NUM_TEST, 2))})
    with pytest.raises(ValueError, match=r"train_labels of shape \[119\] for 120 rows"):
        probe(given | {"train_labels": given["train_labels"][1:]})
    with pytest.raises(ValueError, match="train_labels hold NaN"):
        probe(given | {"train_labels": np.full(NUM_TRAIN, np.nan)})


@pytest.mark.parametrize("level", [0.0, 0.3, np.float32(0.1)])
@pytest.mark.parametrize("jump", [1.0, 100.0])
def test_what_never_varies_in_training_is_harmless(level: float, jump: float) -> None:
    """A dimension is constant in training, up to what float32 leaves, and takes other values in the test rows."""

    def widened(x: np.ndarray, size: float, seed: int) -> np.ndarray:
        own = np.random.default_rng(seed).normal(size=(len(x), 1))
        return np.concatenate([x, level * (1 + 5e-8 * own) + size * own], 1)

    given = sides()
    wide = given | {"train": widened(given["train"], 0.0, 1), "test": widened(given["test"], jump, 2)}
    for probe in (FITTED["linear"], right, partial(physics)):
        assert probe(wide) == pytest.approx(probe(given))
    learner = partial(MLPRegressor, hidden_layer_sizes=(8,), random_state=0, max_iter=40, tol=1.0)
    assert physics(wide, regression=learner) > physics(given, regression=learner) - 0.3
    train, test = turns(400, 0), turns(100, 1)
    clear = pose(train, test)
    constant = (widened(train[0], 0.0, 3), train[1], train[2]), (widened(test[0], jump, 4), test[1], test[2])
    assert pose(*constant) == pytest.approx(clear, abs=3)


@pytest.mark.parametrize("probe", FITTED.values(), ids=FITTED)
def test_a_probe_is_fitted_to_the_training_rows_alone(probe) -> None:
    """In the test rows every class has the name of another: what was learned in training is always wrong there."""
    given = sides(signal=8.0)
    assert probe(given) == 1
    assert probe(given | {"test_labels": (given["test_labels"] + 1) % 3}) == 0
    assert probe(given | {"train_labels": (given["train_labels"] + 1) % 3}) == 0


def test_a_regression_is_fitted_to_the_training_rows_alone() -> None:
    given = sides(signal=8.0)
    assert physics(given) > 0.5
    assert physics(given | {"test_labels": 2 - given["test_labels"]}) < -1


def test_scaling_is_by_the_training_rows_as_scikit_learn_does() -> None:
    x, q = 50 * rng().normal(size=(30, 4)) + 7, rng().normal(size=(9, 4))
    oracle = StandardScaler().fit(x)
    train, test = scaled(x, q)
    np.testing.assert_allclose(train, oracle.transform(x))
    np.testing.assert_allclose(test, oracle.transform(q))
    assert scaled(np.ones((3, 2)), np.zeros((1, 2)))[1].tolist() == [[0, 0]]


def test_a_dimension_is_kept_where_it_varies_a_little() -> None:
    x = np.array([[1.0, 0.0], [1.0001, 1.0]])
    np.testing.assert_allclose(scaled(x)[0], [[-1, -1], [1, 1]])


def test_checks_pass_what_is_right() -> None:
    finite("probe", x=np.ones((2, 3)), none=np.ones((0, 3)), whole=np.arange(3))
    np.testing.assert_array_equal(one_a_row("probe", "labels", np.array([["a"], ["b"]]), 2), ["a", "b"])
