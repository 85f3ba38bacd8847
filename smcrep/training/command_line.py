"""Any field of a frozen record from the command line: `script.py demo --optim.steps 100 --model.predictor mlp`.

Two options choose what others set: ``--senses NAME ...`` the senses of the model, ``--objective NAME`` the type of its
weights. What they choose has its own fields, ``--model.senses.NAME.FIELD`` and ``--objective.FIELD``.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from smcrep.objectives.combined import objectives
from smcrep.objectives.equivariance import Equivariance
from smcrep.objectives.invariance import Invariance
from smcrep.objectives.objective import ObjectiveWeights
from smcrep.records import nearest
from smcrep.senses import SENSES
from smcrep.training.recipes import Recipe

T = TypeVar("T")
CHOICES = ("senses", "objective")


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
    name = arguments.pop(0) if arguments and not arguments[0].startswith("-") else None
    if name is None and not {"-h", "--help"} & set(arguments):
        _refuse(f"no recipe given; known are {', '.join(makers)}")
    if name is not None and name not in makers:
        _refuse(f"unknown recipe {name!r}; {nearest(name, list(makers))}")
    senses, arguments = _taken("--senses", arguments, SENSES)
    objective, arguments = _taken("--objective", arguments, objectives())
    default = _chosen(makers[name or next(iter(makers))](), senses, objective[-1:])
    known = [*options(default, flat), *CHOICES, "help"]
    for argument in arguments:
        option = argument.removeprefix("--").split("=")[0].replace("-", "_")
        if argument.startswith("--") and option not in known:
            same_end = [name for name in known if name.split(".")[-1] == option.split(".")[-1]]
            _refuse(f"unknown field --{option}; {nearest(option, same_end or known)}")
    choices = (
        f"Recipes: {', '.join(makers)} (the first argument). --senses NAME ... chooses the senses of the model "
        f"({', '.join(SENSES)}), --objective NAME what is minimised ({', '.join(ObjectiveWeights.kinds())}; or an "
        f"invariance and an equivariance as A+B, of {', '.join(Invariance.kinds())} and "
        f"{', '.join(Equivariance.kinds())})."
    )
    return tyro.cli(
        type(default),
        default=default,
        args=arguments,
        description=f"{description}\n\n{choices}",
        config=(tyro.conf.FlagConversionOff,),
        use_underscores=True,
    )


def options(record: Any, flat: tuple[str, ...] = (), prefix: str = "") -> list[str]:
    """Dotted names of all fields of a (nested) dataclass or dictionary, those of the fields in ``flat`` without their
    first part."""
    found = []
    items = record.items() if isinstance(record, dict) else ((f.name, getattr(record, f.name)) for f in fields(record))
    for name, value in items:
        if is_dataclass(value) or (isinstance(value, dict) and value):
            found += options(value, prefix=prefix if name in flat else f"{prefix}{name}.")
        else:
            found.append(prefix + name)
    return found


def _taken(option: str, arguments: list[str], known: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The names that follow ``option``, and the arguments without both."""
    if option not in arguments:
        return [], arguments
    start = arguments.index(option) + 1
    end = next((i for i in range(start, len(arguments)) if arguments[i].startswith("-")), len(arguments))
    names = [part for argument in arguments[start:end] for part in argument.split(",") if part]
    for name in names:
        if name not in known:
            _refuse(f"{option}: there is no {name!r}; {nearest(name, list(known))}")
    if not names:
        _refuse(f"{option}: no name given; known are {', '.join(known)}")
    return names, arguments[: start - 1] + arguments[end:]


def _chosen(record: Any, senses: list[str], objective: list[str]) -> Any:
    """``record`` with these senses (those it has keep their settings) and this objective, in the recipe it is or
    has."""
    if not senses and not objective:
        return record
    if not isinstance(record, Recipe):
        inner = next(f.name for f in fields(record) if isinstance(getattr(record, f.name), Recipe))
        return replace(record, **{inner: _chosen(getattr(record, inner), senses, objective)})
    if senses:
        settings = {name: record.model.senses.get(name) for name in senses}
        record = replace(record, model=replace(record.model, senses=settings))
    if objective and objective[0] != record.objective.kind():
        record = replace(record, objective=objectives()[objective[0]]())
    return record


def _refuse(line: str) -> None:
    print(line, file=sys.stderr)
    raise SystemExit(2)
