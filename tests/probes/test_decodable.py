"""What was planted in a part is read from it and from no other; floors are those of a constant."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from smcrep.probes.decodable import decodable


def planted(num: int, seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A number in part "a", a label of three, one of them twice as frequent, in part "b"."""
    rng = np.random.default_rng(seed)
    mixed = np.random.default_rng(5).normal(size=(4, 6))
    number, label = rng.normal(size=num), rng.choice(3, size=num, p=[0.25, 0.5, 0.25])
    a = np.concatenate([number[:, None], rng.normal(size=(num, 3))], 1) @ mixed
    b = np.concatenate([np.eye(3)[label], 0.1 * rng.normal(size=(num, 1))], 1) @ mixed
    return {"a": a, "b": b}, {"number": number, "label": np.array(["x", "y", "z"])[label]}


def test_each_target_is_found_where_it_was_planted_and_nowhere_else() -> None:
    (train, targets), (test, test_targets) = planted(300, 0), planted(400, 1)
    found = decodable(train=train, train_targets=targets, test=test, test_targets=test_targets)
    assert found["a", "number"].score.value > 0.98
    assert found["b", "label"].score.value > 0.98
    assert found["b", "number"].score.value < 0.05
    frequent = float(np.mean(test_targets["label"] == "y"))
    assert found["b", "label"].floor == pytest.approx(frequent)
    assert found["a", "label"].floor == pytest.approx(frequent)
    assert abs(found["a", "label"].score.value - frequent) < 0.08
    assert {each.measure for (_, name), each in found.items() if name == "number"} == {"R2"}
    assert {each.measure for (_, name), each in found.items() if name == "label"} == {"accuracy"}


def test_r2_is_that_of_a_ridge_regression_written_out() -> None:
    (train, targets), (test, test_targets) = planted(30, 0), planted(50, 1)
    given = {"train": {"a": train["a"]}, "test": {"a": test["a"]}}
    y, true = targets["number"], test_targets["number"]
    found = decodable(**given, train_targets={"y": y}, test_targets={"y": true}, groups=np.arange(50))
    mean, std = train["a"].mean(0), train["a"].std(0)
    predicted = Ridge().fit((train["a"] - mean) / std, y).predict((test["a"] - mean) / std)
    wanted = 1 - sum((true - predicted) ** 2) / sum((true - true.mean()) ** 2)
    assert found["a", "y"].score.value == pytest.approx(wanted)
    low, high = found["a", "y"].score.ci95
    assert low < wanted < high
    resampled = []
    for draw in np.random.default_rng(0).integers(50, size=(2000, 50)):
        spread = np.square(true[draw] - true[draw].mean()).sum()
        resampled.append(1 - np.square(true[draw] - predicted[draw]).sum() / spread)
    assert high - low == pytest.approx(4 * np.std(resampled), rel=0.35)  # about that of a bootstrap


def test_the_rows_of_an_object_count_as_one() -> None:
    """Each test row ten times: by rows the interval shrinks by the root of ten, by objects it does not."""
    (train, targets), (test, test_targets) = planted(30, 0), planted(50, 1)
    given = {"train": {"a": train["a"][:, :3]}, "train_targets": {"y": targets["number"]}}

    def width(times: int, groups: np.ndarray | None) -> float:
        rows = {"test": {"a": test["a"][:, :3].repeat(times, 0)}}
        numbers = {"y": test_targets["number"].repeat(times)}
        low, high = decodable(**given, **rows, test_targets=numbers, groups=groups)["a", "y"].score.ci95
        return high - low

    once = width(1, None)
    assert width(10, np.arange(50).repeat(10)) == pytest.approx(once, rel=0.02)
    assert width(10, None) == pytest.approx(once / np.sqrt(10), rel=0.05)


def test_bad_input_is_refused() -> None:
    x, y = {"a": np.zeros((4, 2))}, {"y": np.zeros(4)}
    with pytest.raises(ValueError, match=r"parts \['a'\] and targets \['y'\] of training, \['a'\] and \['z'\] of test"):
        decodable(train=x, train_targets=y, test=x, test_targets={"z": y["y"]})
    with pytest.raises(ValueError, match=r"test targets 'y' of shape \[3\] for 4 rows"):
        decodable(train=x, train_targets=y, test=x, test_targets={"y": np.zeros(3)})
    with pytest.raises(ValueError, match="a target is the same in all rows"):
        decodable(train=x, train_targets=y, test=x, test_targets=y)
