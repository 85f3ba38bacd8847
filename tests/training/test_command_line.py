from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import tyro

from smcrep.training.command_line import options, parse
from smcrep.training.recipes import Recipe, demo, tiny


@dataclass(frozen=True)
class Run:
    recipe: Annotated[Recipe, tyro.conf.arg(name="")]
    out: Path = Path("runs/demo")


MAKERS = {"demo": lambda: Run(demo()), "tiny": lambda: Run(tiny())}


def run(*arguments: str) -> Run:
    return parse(MAKERS, arguments, flat=("recipe",))


def test_any_field() -> None:
    found = run("tiny", "--optim.steps", "7", "--model.use-action", "False", "--objective.fused=0.5", "--out", "x")
    assert found.recipe.optim.steps == 7
    assert found.recipe.model.use_action is False
    assert found.recipe.objective.fused == 0.5
    assert found.out == Path("x")
    assert found.recipe.optim.batch_states == tiny().optim.batch_states


def test_every_field_of_a_recipe_is_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("demo", "--help")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    names = options(MAKERS["demo"](), ("recipe",))
    assert "optim.lr" in names
    assert [name for name in names if f"--{name}" not in shown] == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["demoo"], "unknown recipe 'demoo'; did you mean 'demo'?"),
        ([], "no recipe given; known are demo, tiny"),
        (["--optim.steps", "3"], "no recipe given; known are demo, tiny"),
        (["demo", "--optim.step", "3"], "unknown field --optim.step; did you mean 'optim.steps'?"),
        (["demo", "--steps=3"], "unknown field --steps; did you mean 'optim.steps'?"),
    ],
)
def test_one_line_says_what_to_do(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(line)
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--optim.steps", "many"], "--optim.steps"),
        (["--optim.lr", "-1"], "Optim: lr is -1.0; give a number above 0"),
        (["--model.predictor", "mpl"], "ModelConfig: predictor is 'mpl'; choose one of"),
    ],
)
def test_value_that_is_refused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("demo", *arguments)
    assert ended.value.code == 2
    assert words in " ".join(capsys.readouterr().err.split())
