"""Every whole number that a script takes: -1 is refused, and 0 too where it is not "none" or "all". One line, before
anything is written."""

import inspect
import re
import runpy
import signal
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import trimesh
import tyro

from smcrep.pretraining import RECIPES
from smcrep.training.command_line import parse
from tests.experiments.test_options import ROOT, SCRIPTS, options, source

pytestmark = pytest.mark.situation

SENSES = ("--senses", "rgb", "points", "depth", "mask")
MAY_BE_0 = {
    *("model.senses.rgb.blocks", "model.senses.depth.blocks", "model.senses.mask.blocks"),
    *("model.senses.rgb.frozen_groups", "model.senses.points.num_train_points", "model.num_vectors"),
    *("model.num_tensors", "optim.warmup", "calibration_steps", "checkpoint_every", "probe_every", "data.procedural"),
    *("seed", "data.seed"),
}
"""None of it, or all of it: their sentences say which."""


def of_argparse() -> list[tuple[Path, str, str]]:
    """Script, option and type of every option of argparse that takes whole numbers."""
    return [
        (path, name, kind)
        for path in SCRIPTS
        for name, keywords in options(path)
        if (kind := source(keywords.get("type"))) == "int" or "at_least" in kind
    ]


def test_every_number_of_argparse_has_a_least_value() -> None:
    assert len(of_argparse()) > 15
    assert not [(path.name, name, kind) for path, name, kind in of_argparse() if "at_least(" not in kind]


@pytest.fixture
def _unloaded() -> Iterator[None]:
    """What scripts import from beside them is forgotten afterwards."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(ROOT / "experiments")):
            del sys.modules[name]


@pytest.mark.usefixtures("_unloaded")
@pytest.mark.parametrize("path", sorted({path for path, _, _ in of_argparse()}), ids=lambda path: path.stem)
def test_argparse_refuses_numbers_below_their_least(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(path.parent))
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process keeps its handlers
    for name, kind in [(name, kind) for other, name, kind in of_argparse() if other == path]:
        low = int(kind.split("at_least(")[1].rstrip(")"))
        for value in (-1, *range(low)):
            monkeypatch.setattr(sys, "argv", [path.name, name, str(value)])
            with pytest.raises(SystemExit, match="2"):
                runpy.run_path(str(path), run_name="__main__")
            said = capsys.readouterr().err.strip().splitlines()[-1]
            assert said.endswith(f"argument {name}: it is '{value}'; give a whole number of at least {low}")


def whole_numbers(record: Any, prefix: str = "") -> dict[str, int]:
    """Option -> how many numbers it takes, of the fields of a run that are whole numbers or tuples of them."""
    items = record.items() if isinstance(record, dict) else ((f.name, getattr(record, f.name)) for f in fields(record))
    found: dict[str, int] = {}
    for name, value in items:
        if is_dataclass(value) or (isinstance(value, dict) and value):
            found |= whole_numbers(value, prefix if name == "recipe" else f"{prefix}{name}.")
        elif type(value) is int:
            found[prefix + name] = 1
        elif isinstance(value, tuple) and value and all(type(number) is int for number in value):
            found[prefix + name] = len(value)
    return found


def refusal(option: str, value: int, count: int, capsys: pytest.CaptureFixture[str]) -> str | None:
    """What is said of ``value``; None where it is taken."""
    arguments = ["tiny", *SENSES, f"--{option}", *[str(value)] * count]
    try:
        parse(RECIPES, arguments, flat=("recipe",))
    except ValueError as error:
        return str(error)
    except SystemExit:
        return " ".join(capsys.readouterr().err.split())  # tyro wraps its line
    return None


def test_every_number_of_a_run_is_refused_below_its_least(capsys: pytest.CaptureFixture[str]) -> None:
    run = parse(RECIPES, ["tiny", *SENSES], flat=("recipe",))
    numbers = whole_numbers(run)
    assert len(numbers) > 35
    assert set(numbers) >= MAY_BE_0
    for option, count in numbers.items():
        for value in (-1,) if option in MAY_BE_0 else (-1, 0):
            said = refusal(option, value, count, capsys)
            assert said is not None, f"--{option} {value} is taken"
            name = option.rsplit(".", 1)[-1]
            assert re.search(rf"\b{name} (is )?", said), said
            assert "give" in said or "needs at least" in said, said
        if option in MAY_BE_0:
            assert refusal(option, 0, count, capsys) is None or option in ("model.num_vectors", "model.num_tensors")


MAINS = {path.stem: runpy.run_path(str(path))["main"] for path in sorted((ROOT / "datasets").glob("*.py"))}
ZERO_OF_MAINS = {"seed", "object_seed", "num"}


@pytest.mark.parametrize("name", MAINS)
def test_every_number_of_a_script_of_datasets_is_refused_below_its_least(name: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    trimesh.creation.box((0.1, 0.1, 0.1)).export(tmp_path / "in" / "box.stl")
    positional = {"prepare_procedural": 1, "show": 1}.get(name, 2)
    places = [str(tmp_path / "in"), str(tmp_path / "out")][-positional:]
    numbers = [p.name for p in inspect.signature(MAINS[name]).parameters.values() if p.annotation in (int, "int")]
    assert numbers
    for number in numbers:
        for value in (-1,) if number in ZERO_OF_MAINS else (-1, 0):
            option = "--" + number.replace("_", "-")
            with pytest.raises(ValueError, match=rf"{value}; (give|ask for)") as caught:
                tyro.cli(MAINS[name], args=[*places, option, str(value)])
            assert "\n" not in str(caught.value)
            assert not (tmp_path / "out").exists()
