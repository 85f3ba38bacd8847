"""Runs by name: each is whole, reads back, and uses only what there is."""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from smcrep.encoders.two_streams import TwoStreamEncoder
from smcrep.hub import build_model
from smcrep.pretraining import RECIPES, demo, push, tiny, ycb
from smcrep.pretraining.recipes import HELD_OUT, PUSH, data_folder
from smcrep.pretraining.variants import one_stream, two_streams
from smcrep.records import differences
from smcrep.training.recipes import Recipe
from smcrep.worlds.dynamics.actions import Push
from smcrep.worlds.objects.families import FAMILIES
from smcrep.worlds.policy import sample_actions, sample_state
from smcrep.worlds.rendering.environments import ENVIRONMENTS
from tests.worlds.scenes import box


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_reads_back_and_carries_its_name(name: str) -> None:
    run = RECIPES[name]()
    assert Recipe.from_json(json.loads(json.dumps(run.recipe.to_json()))) == run.recipe
    assert run.recipe.name == name
    assert run.out == Path("runs") / name
    assert run == RECIPES[name]()


@pytest.mark.parametrize("name", RECIPES)
def test_every_run_has_the_outcomes_that_its_objective_needs(name: str) -> None:
    run = RECIPES[name]()
    assert min(run.data.num_branches) >= 2  # same-state negatives
    assert run.recipe.optim.batch_states <= run.data.num_objects[0] * run.data.states_per_object[0]


@pytest.mark.parametrize("name", RECIPES)
def test_ranges_of_every_policy_rise(name: str) -> None:
    policy = RECIPES[name]().data.policy
    ranges = {f.name: value for f in fields(policy) if isinstance(value := getattr(policy, f.name), tuple)}
    assert ranges
    assert {field: pair for field, pair in ranges.items() if list(pair) != sorted(pair)} == {}


def test_tiny_is_the_demo_made_small() -> None:
    assert tiny().recipe.optim.steps <= 10
    assert tiny().recipe.model.embed_dim < demo().recipe.model.embed_dim / 5
    assert tiny().data.processes == 1
    assert tiny().data.image_size < demo().data.image_size
    assert tiny().data.num_points < demo().data.num_points
    assert tiny().recipe.model.names == demo().recipe.model.names


def test_push_differs_from_the_demo_in_what_a_push_needs() -> None:
    changed = {line.split(" (")[0].split(".")[0] for line in differences(demo().recipe, push().recipe)}
    assert changed == {"name", "objective", "optim"}
    assert push().data.policy.branch_over == "either"
    assert push().data.policy.vary_physics


def test_held_out_families_exist_and_are_not_trained_on() -> None:
    assert set(HELD_OUT) < set(FAMILIES)
    assert ycb().data.held_out_families == HELD_OUT


def test_real_data_lie_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMCREP_DATA", "/somewhere")
    assert data_folder("x") == Path("/somewhere/x")
    assert ycb().data.root == Path("/somewhere/ycb_textured")
    monkeypatch.delenv("SMCREP_DATA")
    assert data_folder("x") == Path.home() / ".cache/smcrep/data/x"


def test_one_stream_undoes_two_streams() -> None:
    alone = one_stream(ycb())
    assert alone.compute.cache == "none"
    with torch.device("meta"):
        assert not isinstance(build_model(alone.recipe.model).encoders["rgb"], TwoStreamEncoder)
    assert two_streams(alone) == ycb()
    assert one_stream(demo()) == demo()


def test_pushes_of_the_recipe_go_below_the_middle() -> None:
    """What tips over, nobody can predict."""
    low, high = PUSH.push_height
    assert -0.5 < low < high < 0


def test_pushes_of_the_recipe_are_square() -> None:
    """On a brick, whose best of 32 sides is less than 5.7 degrees off the normal of its face, up to 12 more count."""
    rng, brick, off = np.random.default_rng(0), box(0.04, 0.08, 0.06), []
    upright = replace(PUSH, max_angle_deg=0.0)
    for _ in range(40):
        state = sample_state(upright, brick, ENVIRONMENTS["studio"], rng)
        (action,) = sample_actions(upright, state, 1, rng, environment=ENVIRONMENTS["studio"])
        assert isinstance(action, Push)
        place = np.abs(state.poses[0, :3, :3].T @ (action.contact - state.poses[0, :3, 3]))[:2]
        normal = int((place / (0.02, 0.04)).argmax())  # of the face that is touched: where the brick ends
        off.append(np.degrees(np.arctan2(place[1 - normal], place[normal])))
    assert 12 < max(off) < 5.7 + 12
