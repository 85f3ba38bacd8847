"""Records go to JSON and back; what is unknown, missing or of another type is one line; what differs is named."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from smcrep.records import Kinds, differences, from_record, nearest, to_record


@dataclass(frozen=True)
class Shape(Kinds):
    """Base of records that stand for one another."""


@dataclass(frozen=True)
class BallWeights(Shape):
    radius: float = 1.0


@dataclass(frozen=True)
class BoxWeights(Shape):
    sides: tuple[float, ...] = (1.0, 2.0)


@dataclass(frozen=True)
class Inner:
    count: int = 3
    name: str = "a"
    is_on: bool = True
    maybe: int | None = None


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    shape: Shape = field(default_factory=BallWeights)
    scale: float = 0.5
    mean: tuple[float, ...] = (0.1, 0.2)
    free: dict[str, Any] = field(default_factory=dict)


def back(record: Any) -> Outer:
    return from_record(Outer, json.loads(json.dumps(record)), "outer")


@pytest.mark.parametrize(
    "value",
    [
        Outer(),
        Outer(Inner(7, "b", False, 2), BoxWeights((3.0,)), 2.0, (), {"x": [1, "y"]}),
    ],
)
def test_record_goes_to_json_and_back(value: Outer) -> None:
    assert back(to_record(value)) == value


def test_missing_fields_keep_their_defaults_and_whole_numbers_become_floats() -> None:
    assert back({}) == Outer()
    assert back({"scale": 2}) == Outer(scale=2.0)
    assert type(back({"scale": 2}).scale) is float


def test_class_is_found_by_its_name() -> None:
    assert Shape.kinds() == {"ball": BallWeights, "box": BoxWeights}
    assert to_record(BoxWeights()) == {"type": "box", "sides": [1.0, 2.0]}
    assert back({"shape": {"type": "box"}}).shape == BoxWeights()


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (3, "outer: it is int, no record of fields; write it anew"),
        ({"scales": 1.0}, "outer: unknown field 'scales'; did you mean 'scale'?"),
        ({"zzz": 1.0}, "outer: unknown field 'zzz'; known are inner, shape"),
        ({"inner": 3}, "outer.inner: it is int, no record of fields"),
        ({"inner": {"count": 1.5}}, "outer.inner.count: it is 1.5; give a value of type int"),
        ({"inner": {"count": True}}, "outer.inner.count: it is True; give a value of type int"),
        ({"inner": {"is_on": 1}}, "outer.inner.is_on: it is 1; give a value of type bool"),
        ({"inner": {"name": None}}, "outer.inner.name: it is None; give a value of type str"),
        ({"inner": {"maybe": "x"}}, "outer.inner.maybe: it is 'x'; give a value of type int"),
        ({"scale": "x"}, "outer.scale: it is 'x'; give a value of type float"),
        ({"scale": 10**400}, "outer.scale: it is an integer of 1329 bits; give a number"),
        ({"mean": 3}, "outer.mean: it is 3; give a sequence"),
        ({"shape": {"type": "bal"}}, "outer.shape: unknown type 'bal'; did you mean 'ball'?"),
        ({"shape": {"type": ["ball"]}}, "outer.shape: unknown type ['ball']"),
        ({"shape": {}}, "outer.shape: unknown type None"),
        ({"shape": {"type": "ball", "sides": [1]}}, "outer.shape: unknown field 'sides'; known are radius"),
    ],
)
def test_what_does_not_fit_is_one_line_that_names_the_place(record: Any, words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  (its words are compared below)
        from_record(Outer, record, "outer")
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def test_fields_that_differ_are_named_with_both_values() -> None:
    one = Outer()
    other = replace(one, inner=Inner(count=4), scale=0.7, free={"a": 1})
    assert differences(one, other) == ["inner.count (3 / 4)", "scale (0.5 / 0.7)", "free.a (None / 1)"]
    assert differences(one, other, ignore=("inner", "free")) == ["scale (0.5 / 0.7)"]
    assert differences(one, replace(one)) == []


def test_another_class_is_named_by_both_kinds_and_another_value_by_its_field() -> None:
    one = Outer()
    assert differences(one, replace(one, shape=BoxWeights())) == ["shape (ball / box)"]
    assert differences(one, replace(one, shape=BallWeights(2.0))) == ["shape.radius (1.0 / 2.0)"]


def test_numbers_that_differ_by_rounding_are_alike() -> None:
    """A run that is resumed with another number of threads fits its scales anew, a few bits off."""
    one = Outer(scale=0.04923199601826076, mean=(0.5, 0.1, 0.3))
    assert (
        differences(one, replace(one, scale=0.049231996018260754, mean=(0.5, 0.1 + 1e-17, 0.30000000000000004))) == []
    )
    assert len(differences(one, replace(one, scale=0.0492320, mean=(0.5, 0.1, 0.301)))) == 2
    assert len(differences(one, replace(one, mean=(0.5, 0.1)))) == 1


def test_nearest_name_is_suggested_else_all_are_named() -> None:
    assert nearest("lerning_rate", ["learning_rate", "steps"]) == "did you mean 'learning_rate'?"
    assert nearest("xyz", ["learning_rate", "steps"]) == "known are learning_rate, steps"
