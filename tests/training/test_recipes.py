"""A recipe goes to JSON and back whole, and what does not fit is named."""

import json
from dataclasses import replace
from typing import Any

import pytest

from smcrep.models import ModelConfig
from smcrep.objectives import EquiModWeights, SimCLRWeights, VICRegWeights
from smcrep.records import differences
from smcrep.senses import SENSES, DepthSettings
from smcrep.training.recipes import FORMAT_VERSION, Optim, Recipe, no_action, no_physics, with_settings

RECIPE = Recipe()
VARIANTS = {
    "default": RECIPE,
    "simclr": replace(RECIPE, objective=SimCLRWeights(temperature=0.3)),
    "vicreg": replace(RECIPE, objective=VICRegWeights(variance=3.0)),
    "equimod": replace(RECIPE, objective=EquiModWeights(), model=replace(RECIPE.model, predictor="equimod")),
    "all senses": replace(RECIPE, model=ModelConfig(senses=tuple(SENSES))),  # type: ignore[arg-type]
    "no action": no_action(RECIPE),
    "no physics": no_physics(RECIPE),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_recipe_goes_to_json_and_back(name: str) -> None:
    assert Recipe.from_json(json.loads(json.dumps(VARIANTS[name].to_json()))) == VARIANTS[name]


def test_baselines_differ_in_one_field() -> None:
    assert differences(RECIPE, no_action(RECIPE), ignore=("name",)) == ["model.use_action (True / False)"]
    assert differences(RECIPE, no_physics(RECIPE), ignore=("name",)) == ["model.use_physics (True / False)"]


def test_settings_of_one_sense_change_and_the_others_stay() -> None:
    model = ModelConfig(senses={"rgb": {}, "depth": DepthSettings(size=8)})
    found = with_settings(model, rgb={"size": 16, "width": 8})
    assert differences(model, found) == ["senses.rgb.size (64 / 16)", "senses.rgb.width (16 / 8)"]
    with pytest.raises(KeyError):
        with_settings(model, points={"scale_m": 1.0})


def test_unknown_field_names_the_nearest() -> None:
    record = RECIPE.to_json()
    record["optim"]["batchstates"] = 3
    with pytest.raises(ValueError, match=r"recipe\.optim: unknown field 'batchstates'; did you mean 'batch_states'\?"):
        Recipe.from_json(record)


def test_unknown_objective_names_the_nearest() -> None:
    record = RECIPE.to_json()
    for name, words in (("simclrr", "did you mean 'simclr'"), (None, "known are|did you mean")):
        record["objective"] = {"type": name}
        with pytest.raises(ValueError, match=rf"recipe\.objective: unknown type {name!r}; ({words})"):
            Recipe.from_json(record)


def test_objective_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="objective is 'simclr'; give an instance of ObjectiveWeights"):
        Recipe(objective="simclr")  # type: ignore[arg-type]


@pytest.mark.parametrize("version", [99, FORMAT_VERSION - 1, None])
def test_recipe_of_another_version_is_refused(version: object) -> None:
    with pytest.raises(ValueError, match=f"version {version} and this smcrep reads {FORMAT_VERSION}; write it anew"):
        Recipe.from_json({**RECIPE.to_json(), "version": version})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("lr", 0.0), ("lr", float("nan")), ("steps", 0), ("batch_states", 1), ("grad_clip", -1.0)),
        *(("weight_decay", -0.1), ("warmup", -1)),
    ],
)
def test_numbers_of_the_optimiser_out_of_range_are_named(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"Optim: {field} is {value}"):
        Optim(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"), [("sense_dropout", 1.0), ("seed", -1), ("log_every", 0), ("calibration_steps", -1)]
)
def test_numbers_of_the_recipe_out_of_range_are_named(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"Recipe: {field} is {value}; give"):
        replace(RECIPE, **{field: value})
