"""A run is a frozen record that JSON takes and that refuses what cannot be simulated."""

import json
import multiprocessing
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from smcrep.pretraining import RECIPES, Data, tiny
from smcrep.training.recipes import Recipe


@pytest.mark.parametrize("name", RECIPES)
def test_record_of_a_run_is_json_and_holds_its_recipe(name: str) -> None:
    run = RECIPES[name]()
    record = json.loads(json.dumps(run.to_json()))
    assert set(record) == {"recipe", "data", "compute", "out", "stores"}
    assert Recipe.from_json({**record["recipe"], "version": run.recipe.to_json()["version"]}) == run.recipe
    assert record["out"] == str(run.out)
    assert record["data"]["num_branches"] == list(run.data.num_branches)


def test_run_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        tiny().out = None  # type: ignore[misc, assignment]


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("num_objects", (8, 0, 4), "give at least 1 for each split"),
        ("states_per_object", (0, 1, 1), "give at least 1 for each split"),
        ("num_branches", (2, 2, 0), "give at least 1 for each split"),
        ("procedural", -1, "give 0 or more"),
        ("procedural_states", 0, "give at least 1"),
        ("processes", 0, "give at least 1"),
        ("seed", -1, "give 0 or more"),
        ("procedural_share", 1.0, "give a share between 0 and 1"),
        ("corrupted", -0.1, "give a probability from 0 to 1"),
    ],
)
def test_data_out_of_range_is_refused_in_one_line(field: str, value: Any, remedy: str) -> None:
    with pytest.raises(ValueError, match=f"^Data: {field} is .*; {remedy}") as caught:
        Data(**{field: value})
    assert "\n" not in str(caught.value)


def test_every_core_simulates_unless_fewer_are_asked_for() -> None:
    assert Data().processes == multiprocessing.cpu_count()
    assert Data(processes=1).processes == 1
