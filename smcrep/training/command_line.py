"""Any field of a frozen record from the command line: `script.py demo --optim.steps 100 --model.predictor mlp`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from smcrep.training.recipes import nearest

T = TypeVar("T")


def parse(
    makers: Mapping[str, Callable[[], T]],
    arguments: Sequence[str] | None = None,
    *,
    flat: tuple[str, ...] = (),
    description: str = "",
) -> T:
    """The record that the first argument names, with the fields that the others set (``sys.argv`` by default).

    flat  fields of the record whose own fields stand at the top level, ``--optim.steps`` for ``recipe.optim.steps``;
          annotate them with ``tyro.conf.arg(name="")``.

    A name or field that does not exist ends the program with one line on stderr that names the nearest, and status 2;
    a value that is refused, with what the record says of it (tyro frames that in a box).
    """
    import tyro

    arguments = list(sys.argv[1:] if arguments is None else arguments)
    name = arguments[0] if arguments and not arguments[0].startswith("-") else None
    if name is None and not {"-h", "--help"} & set(arguments):
        _refuse(f"no recipe given; known are {', '.join(makers)}")
    if name is not None and name not in makers:
        _refuse(f"unknown recipe {name!r}; {nearest(name, list(makers))}")
    default = makers[name or next(iter(makers))]()
    known = [*options(default, flat), "help"]
    for argument in arguments:
        option = argument.removeprefix("--").split("=")[0].replace("-", "_")
        if argument.startswith("--") and option not in known:
            _refuse(f"unknown field --{option}; {nearest(option, known)}")
    return tyro.cli(
        type(default),
        default=default,
        args=arguments if name is None else arguments[1:],
        description=f"{description}\n\nRecipes: {', '.join(makers)} (the first argument).",
        config=(tyro.conf.FlagConversionOff,),
        use_underscores=True,
    )


def options(record: Any, flat: tuple[str, ...] = (), prefix: str = "") -> list[str]:
    """Dotted names of all fields of a (nested) dataclass, those of the fields in ``flat`` without their first part."""
    found = []
    for f in fields(record):
        value = getattr(record, f.name)
        if is_dataclass(value):
            found += options(value, prefix=prefix if f.name in flat else f"{prefix}{f.name}.")
        else:
            found.append(prefix + f.name)
    return found


def _refuse(line: str) -> None:
    print(line, file=sys.stderr)
    raise SystemExit(2)
