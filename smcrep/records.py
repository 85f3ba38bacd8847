"""Frozen dataclasses to and from JSON, strictly: what is unknown, missing or of the wrong type is one line.

By hand, because the libraries that do it (cattrs, dacite, pydantic) name neither the nearest known field nor the
remedy.
"""

import json
import math
import sys
import types
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

TYPE = "type"
"""Key beside the fields of a record whose class is one of several."""


class Kinds:
    """Base of dataclasses that stand for one another in a field, and are told apart by a name in JSON and on command
    lines. Every subclass is known by `kind` as soon as its module is imported."""

    _kinds: dict[str, type]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if Kinds in cls.__bases__:
            cls._kinds = {}
        else:
            cls._kinds[cls.kind()] = cls

    @classmethod
    def kind(cls) -> str:
        """Name of the class without "Weights", in small letters: `EquiModWeights` is "equimod"."""
        return cls.__name__.removesuffix("Weights").lower()

    @classmethod
    def kinds(cls) -> dict[str, type]:
        """Name -> class, of all that were imported."""
        return dict(cls._kinds)


def to_record(value: Any) -> Any:
    """A dataclass, or containers of them, as what `json.dumps` takes."""
    if is_dataclass(value) and not isinstance(value, type):
        record = {f.name: to_record(getattr(value, f.name)) for f in fields(value)}
        return ({TYPE: value.kind()} if isinstance(value, Kinds) else {}) | record
    if isinstance(value, dict):
        return {key: to_record(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_record(item) for item in value]
    return json.loads(json.dumps(value, default=str))


def from_record(cls: type[T], record: Any, where: str) -> T:
    """The inverse of `to_record`; fields that are missing keep their defaults. ValueError, which begins with ``where``,
    for all else."""
    if not isinstance(record, dict):
        raise ValueError(f"{where}: it is {type(record).__name__}, no record of fields; write it anew")
    record = dict(record)
    if isinstance(cls, type) and issubclass(cls, Kinds):
        name, kinds = record.pop(TYPE, None), cls.kinds()
        if not isinstance(name, str) or name not in kinds:
            hint = nearest(str(name), list(kinds))
            raise ValueError(f"{where}: unknown type {name!r}; {hint} (import the module that defines it first)")
        cls = kinds[name]
    known, types_of = [f.name for f in fields(cls)], get_type_hints(cls)  # type: ignore[arg-type]
    found: dict[str, Any] = {}
    for key, value in record.items():
        if key not in known:
            raise ValueError(f"{where}: unknown field {key!r}; {nearest(key, known)}")
        found[key] = _value(types_of[key], value, f"{where}.{key}")
    try:
        return cls(**found)
    except (TypeError, OverflowError) as error:  # a text or a list where a number is due, or one of a thousand digits
        raise ValueError(f"{where}: a field is of the wrong type ({error}); write it anew") from None


def _value(kind: Any, value: Any, where: str) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        chosen = [k for k in get_args(kind) if k is not type(None)]
        return value if value is None or len(chosen) > 1 else _value(chosen[0], value, where)
    if isinstance(kind, type) and is_dataclass(kind):
        return from_record(kind, value, where)
    if kind is float and type(value) is int:
        if abs(value) > sys.float_info.max:
            raise ValueError(f"{where}: it is an integer of {value.bit_length()} bits; give a number of at most 1e308")
        return float(value)
    if kind in (int, float, bool, str) and type(value) is not kind:
        raise ValueError(f"{where}: it is {value!r}; give a value of type {kind.__name__}")
    if get_origin(kind) is tuple and not isinstance(value, list | tuple):
        raise ValueError(f"{where}: it is {value!r}; give a sequence")
    return tuple(value) if isinstance(value, list) else value


def differences(a: Any, b: Any, *, ignore: tuple[str, ...] = ()) -> list[str]:
    """Fields in which two records of one class differ, as "optim.lr (0.001 / 0.002)". Numbers that differ by rounding
    are alike: scales are sums over data, and another number of threads adds in another order."""
    found = []
    for name, left, right in _fields(a, b):
        if name in ignore:
            continue
        nested = isinstance(left, dict) or is_dataclass(left)
        if nested and type(left) is type(right):
            found += [f"{name}.{line}" for line in differences(left, right)]
        elif nested and isinstance(left, Kinds) and isinstance(right, Kinds):
            found.append(f"{name} ({left.kind()} / {right.kind()})")
        elif not _alike(left, right):
            found.append(f"{name} ({left} / {right})")
    return found


def _fields(a: Any, b: Any) -> list[tuple[str, Any, Any]]:
    if isinstance(a, dict):
        return [(key, a.get(key), b.get(key)) for key in {**a, **b}]
    return [(f.name, getattr(a, f.name), getattr(b, f.name)) for f in fields(a)]


def _alike(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    return a == b


def nearest(name: str, known: list[str]) -> str:
    """The end of a message about an unknown name."""
    near = get_close_matches(name, known, 1, 0.4)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
