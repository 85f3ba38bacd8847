from dataclasses import replace

import pytest
import torch

from smcrep.training.build import build_seeded_model
from smcrep.training.online import online_probe
from smcrep.transition import Targets, Transition
from tests.training.synthetic import tiny_recipe, transition


def batch(class_id: list[int], object_id: list[int]) -> tuple[Transition, Targets]:
    found = transition(len(class_id), 4, seed=0)
    classes, objects = torch.tensor(class_id), torch.tensor(object_id)
    return found, Targets(classes, objects, *[torch.zeros(len(class_id))] * 3)


def test_figures_of_every_sense() -> None:
    figures = online_probe(*batch([0, 0, 0, 1, 1, 1], [0, 1, 1, 2, 3, 3]))(build_seeded_model(tiny_recipe()))
    assert set(figures) == {f"{p}/{s}" for p in ("few_shot", "retrieval") for s in ("rgb", "points", "fused")}
    assert all(0 <= value <= 1 for value in figures.values())


def test_planted_answer_is_found() -> None:
    """An encoder that reads the class off the picture, and one whose predictor and outcomes are known."""
    found, targets = batch([0, 0, 1, 1], [0, 1, 2, 3])
    found.before["rgb"][:] = targets.class_id.view(-1, 1, 1, 1) * 255
    model = build_seeded_model(tiny_recipe())
    assert online_probe(found, targets)(model)["few_shot/rgb"] == 1.0
    for i in range(4):  # outcomes that are all one and the same tie
        found.after["points"][:, i] = found.before["points"]
    assert online_probe(found, targets)(model)["retrieval/points"] == pytest.approx(0.25)


def test_objects_are_the_classes_where_no_class_has_two_objects() -> None:
    model = build_seeded_model(tiny_recipe())
    found, targets = batch([0, 0, 0, 0], [0, 0, 1, 1])
    found.before["rgb"][:] = targets.object_id.view(-1, 1, 1, 1) * 255
    assert online_probe(found, targets)(model)["few_shot/rgb"] == 1.0


def test_few_shot_is_left_out_where_there_is_one_object() -> None:
    figures = online_probe(*batch([0, 0, 0, 0], [5, 5, 5, 5]))(build_seeded_model(tiny_recipe()))
    assert set(figures) == {f"retrieval/{sense}" for sense in ("rgb", "points", "fused")}


def test_probe_leaves_model_and_generator_alone() -> None:
    probe, model = online_probe(*batch([0, 0, 1, 1], [0, 1, 2, 3])), build_seeded_model(tiny_recipe()).train()
    state = torch.get_rng_state()
    assert probe(model) == probe(model)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_action_blind_model_scores_chance() -> None:
    recipe = tiny_recipe()
    model = build_seeded_model(replace(recipe, model=replace(recipe.model, use_action=False, use_physics=False)))
    found, targets = batch([0] * 50 + [1] * 50, list(range(100)))
    figures = online_probe(found, targets)(model)
    assert figures["retrieval/points"] == pytest.approx(0.25, abs=1e-9)  # one prediction for all k: exactly 1 / k
