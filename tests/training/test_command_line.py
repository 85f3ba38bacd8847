"""Any field of a run from the command line; a wrong one is one line that names the nearest."""

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from smcrep.objectives import EquiModWeights, ObjectiveWeights, SensorimotorWeights, SimCLRWeights, VICRegWeights
from smcrep.pretraining import Run, demo, tiny
from smcrep.senses import SENSES, DepthSettings, PointsSettings, RGBSettings
from smcrep.training.command_line import options, parse
from smcrep.training.recipes import Recipe
from tests.senses.strangers import TOUCH, TouchSettings, registered
from tests.training.strangers import DriftWeights

ROOT = Path(__file__).parents[2]
MAKERS = {"demo": demo, "tiny": tiny}


def run(*arguments: str) -> Run:
    return parse(MAKERS, arguments, flat=("recipe",))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What stderr says, on one line."""
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_any_field_is_set_and_the_others_stay() -> None:
    found = run("tiny", "--optim.steps", "7", "--model.use-action", "False", "--objective.fused=0.5", "--out", "x")
    assert found.recipe.optim.steps == 7
    assert found.recipe.model.use_action is False
    assert found.recipe.objective == SensorimotorWeights(fused=0.5)
    assert found.out == Path("x")
    assert replace(found.recipe.optim, steps=tiny().recipe.optim.steps) == tiny().recipe.optim


def test_settings_of_a_sense_are_fields() -> None:
    found = run("tiny", "--model.senses.rgb.size", "16", "--model.senses.points.encoder", "dgcnn").recipe.model.senses
    assert found == {"rgb": RGBSettings(size=16), "points": PointsSettings(encoder="dgcnn")}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--senses", "points", "depth"),
        ("--senses", "points,depth"),
    ],
)
def test_senses_are_chosen_and_keep_the_settings_that_they_have(arguments: tuple[str, ...]) -> None:
    wide = {"mine": lambda: replace(demo(), recipe=replace(demo().recipe, model=MODEL))}
    found = parse(wide, ["mine", *arguments, "--model.senses.depth.width", "8"], flat=("recipe",))
    assert found.recipe.model.senses == {"points": PointsSettings(scale_m=0.3), "depth": DepthSettings(width=8)}
    assert found.recipe.model.names == ("points", "depth")


MODEL = replace(tiny().recipe.model, senses={"rgb": None, "points": PointsSettings(scale_m=0.3)})


def test_every_shipped_sense_can_be_chosen() -> None:
    assert run("tiny", "--senses", *SENSES).recipe.model.names == tuple(SENSES)


@pytest.mark.parametrize("kind", [SensorimotorWeights, EquiModWeights, SimCLRWeights, VICRegWeights])
def test_objective_is_chosen_by_name(kind: type[ObjectiveWeights]) -> None:
    assert run("tiny", "--objective", kind.kind()).recipe.objective == kind()


def test_objective_of_the_recipe_keeps_its_weights_and_another_has_its_own_fields() -> None:
    assert run("demo", "--objective", "sensorimotor").recipe.objective == demo().recipe.objective
    found = run("demo", "--objective", "simclr", "--objective.temperature", "0.5").recipe.objective
    assert found == SimCLRWeights(temperature=0.5)


def test_the_objective_named_last_is_taken() -> None:
    assert run("tiny", "--objective", "simclr", "vicreg").recipe.objective == VICRegWeights()


def test_objective_of_ones_own_is_chosen_by_name_and_its_fields_are_set() -> None:
    found = run("tiny", "--objective", "drift", "--objective.pull", "0.25").recipe.objective
    assert found == DriftWeights(pull=0.25)


def test_sense_of_ones_own_is_chosen_by_name_and_its_fields_are_set() -> None:
    with registered(TOUCH):
        found = run("tiny", "--senses", "rgb", "touch", "--model.senses.touch.scale-n", "2")
    assert found.recipe.model.senses["touch"] == TouchSettings(scale_n=2.0)


def test_recipe_alone_is_parsed_too() -> None:
    @dataclass(frozen=True)
    class Pair:
        recipe: Recipe
        number: int = 3

    found = parse({"a": lambda: Pair(tiny().recipe)}, ["a", "--recipe.seed", "4", "--objective", "simclr"])
    assert (found.recipe.seed, found.number, found.recipe.objective) == (4, 3, SimCLRWeights())
    assert parse({"a": lambda: tiny().recipe}, ["a", "--senses", "points"]).model.names == ("points",)


def test_every_field_of_a_run_is_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("demo", "--help")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    names = options(demo(), ("recipe",))
    assert {"optim.lr", "model.senses.rgb.size", "objective.fused", "data.num_points"} <= set(names)
    assert [name for name in names if f"--{name}" not in shown] == []
    words = " ".join(shown.replace("│", " ").split())
    for choices in (f"senses of the model ({', '.join(SENSES)})", ", ".join(ObjectiveWeights.kinds())):
        assert choices in words


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["demoo"], "unknown recipe 'demoo'; did you mean 'demo'?"),
        ([], "no recipe given; known are demo, tiny"),
        (["--optim.steps", "3"], "no recipe given; known are demo, tiny"),
        (["demo", "--optim.step", "3"], "unknown field --optim.step; did you mean 'optim.steps'?"),
        (["demo", "--steps=3"], "unknown field --steps; did you mean 'optim.steps'?"),
        (["demo", "--senses", "rgbb"], "--senses: there is no 'rgbb'; did you mean 'rgb'?"),
        (["demo", "--senses"], "--senses: no name given; known are rgb, points"),
        (["demo", "--senses", "--optim.steps", "3"], "--senses: no name given"),
        (["demo", "--objective", "simcrl"], "--objective: there is no 'simcrl'; did you mean 'simclr'?"),
        (["demo", "--senses", "points", "--model.senses.rgb.size", "3"], "unknown field --model.senses.rgb.size; did"),
        (["demo", "--objective", "simclr", "--objective.fused", "1"], "unknown field --objective.fused; did you mean"),
    ],
)
def test_unknown_name_is_one_line_that_says_what_to_do(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, *arguments)
    assert said.startswith(line)
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--optim.steps", "many"], "--optim.steps"),
        (["--optim.lr", "-1"], "Optim: lr is -1.0; give a number above 0"),
        (["--model.predictor", "mpl"], "ModelConfig: predictor is 'mpl'; choose one of"),
        (["--model.senses.rgb.width", "20"], "RGBSettings: width is 20; give a multiple of 8"),
    ],
)
def test_value_that_is_refused_says_why(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert words in " ".join(refused(capsys, "demo", *arguments).split())


def test_parsing_needs_no_simulator() -> None:
    code = (
        "import sys; from smcrep.training.command_line import parse; from smcrep.training.recipes import Recipe\n"
        "parse({'a': Recipe}, ['a', '--senses', 'points'])\n"
        "print([m for m in ('mujoco', 'open3d', 'datasets', 'timm') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
