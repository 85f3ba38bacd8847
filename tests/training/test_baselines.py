"""Baselines are the published losses on our views, and train what they should and nothing else."""

from dataclasses import replace

import pytest
import torch

from smcrep.objectives.equimod import EquiModWeights
from smcrep.objectives.nt_xent import nt_xent
from smcrep.objectives.sensorimotor import SensorimotorWeights
from smcrep.training.baselines import SIMCLR_TEMPERATURE
from smcrep.training.build import build_seeded_model
from smcrep.training.step import observations, step_loss
from smcrep.transition import Senses
from tests.training.synthetic import tiny_recipe, transition

WEIGHTS = SensorimotorWeights()


def test_simclr_of_two_views_is_nt_xent_of_each_sense_and_the_fused() -> None:
    model, batch = build_seeded_model(tiny_recipe()), transition(5, 1, seed=0)
    found = step_loss(model, batch, WEIGHTS, method="simclr")
    embedding = model(observations(batch).flatten())
    wanted = []
    for sense in ("fused", "rgb", "points"):
        z = model.project(embedding.invariant(sense)).unflatten(0, (5, 2))
        wanted.append(nt_xent(z[:, 0], z[:, 1], SIMCLR_TEMPERATURE).total.item())
        assert found.parts[sense].item() == pytest.approx(wanted[-1], rel=1e-5)
    assert found.total.item() == pytest.approx(sum(wanted) / 3, rel=1e-5)


def test_simclr_predicts_nothing_and_equimod_does() -> None:
    recipe = tiny_recipe()
    recipe = replace(recipe, model=replace(recipe.model, predictor="equimod"))
    for method, learns in (("simclr", False), ("equimod", True)):
        model = build_seeded_model(recipe)
        step_loss(model, transition(5, 3, seed=0), WEIGHTS, method=method).total.backward()
        assert all((p.grad is not None) == learns for p in model.predictors.parameters())
        assert all(p.grad is not None for p in model.projector.parameters())


def test_equimod_is_the_paper_on_the_view_before_and_two_outcomes() -> None:
    recipe = tiny_recipe()
    model, batch = (
        build_seeded_model(replace(recipe, model=replace(recipe.model, predictor="equimod"))),
        transition(4, 3, seed=1),
    )
    found = step_loss(model, batch, WEIGHTS, method="equimod").parts["points"].item()
    embedding = model(observations(batch).flatten())
    y = embedding.equivariant("points").unflatten(0, (4, 4))
    z = model.project(embedding.invariant("points")).unflatten(0, (4, 4))
    assert batch.physics is not None
    condition = model.condition(batch.action[:, :2], batch.physics[:, :2])
    displaced = model.predict("points", y[:, :1].expand(-1, 2, -1), condition).flatten(0, 1)
    w = EquiModWeights()
    wanted = nt_xent(z[:, 1], z[:, 2], w.invariant_temperature).total
    wanted = wanted + nt_xent(y[:, 1:3].flatten(0, 1), displaced, w.equivariant_temperature).total
    assert found == pytest.approx(wanted.item(), rel=1e-5)


def test_absent_senses_and_single_outcomes_are_refused() -> None:
    model, batch = build_seeded_model(tiny_recipe()), transition(4, 1, seed=1)
    with pytest.raises(ValueError, match="two are needed, raise num_branches"):
        step_loss(model, batch, WEIGHTS, method="equimod")
    gone = Senses(batch.before.data, {name: torch.zeros_like(there) for name, there in batch.before.present.items()})
    with pytest.raises(ValueError, match="a sense is absent"):
        step_loss(model, replace(batch, before=gone), WEIGHTS, method="simclr")
