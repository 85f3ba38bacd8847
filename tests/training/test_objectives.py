"""Any objective, of the package or a stranger's, is saved with its recipe, trained and calibrated."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from smcrep.models.model import SensorimotorModel
from smcrep.objectives import (
    EquiModWeights,
    ObjectiveWeights,
    SensorimotorWeights,
    SimCLRWeights,
    VICRegWeights,
)
from smcrep.training.build import Compute, build_fabric, build_seeded_model
from smcrep.training.calibrate import calibrate_precision
from smcrep.training.fit import Fitted, fit
from smcrep.training.recipes import Optim, Recipe
from smcrep.training.step import step_loss
from tests.training.strangers import DriftWeights, UnfusedWeights
from tests.training.synthetic import SyntheticSource, tiny_recipe, transition

EACH = [SensorimotorWeights(), EquiModWeights(), SimCLRWeights(), VICRegWeights(), DriftWeights()]
each_objective = pytest.mark.parametrize("objective", EACH, ids=lambda o: o.kind())


def train(recipe: Recipe, out: Path) -> Fitted:
    fabric = build_fabric(Compute(accelerator="cpu"), recipe.optim)
    return fit(recipe, lambda rank, world_size: SyntheticSource(8, 3), out, fabric=fabric)


def loss_of(model: SensorimotorModel, objective: ObjectiveWeights) -> float:
    """On states that are never trained on."""
    with torch.no_grad():
        return float(step_loss(model.eval(), transition(32, 3, seed=10**6), objective, augmented=False).total)


@each_objective
def test_objective_is_learned_and_its_parts_are_logged(objective: ObjectiveWeights, tmp_path: Path) -> None:
    recipe = tiny_recipe(objective=objective, optim=Optim(steps=60, lr=5e-3, batch_states=8, warmup=20), log_every=30)
    before = loss_of(build_seeded_model(recipe), objective)
    fitted = train(recipe, tmp_path)
    assert fitted.step == 60
    assert loss_of(fitted.model, objective) < 0.9 * before
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    parts = step_loss(fitted.model, transition(8, 3, seed=0), objective).parts
    assert set(parts) <= set(records[-1])


@each_objective
def test_objective_goes_with_its_recipe_to_json_and_back(objective: ObjectiveWeights) -> None:
    recipe = tiny_recipe(objective=objective)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_another_objective_or_another_weight_is_another_run(tmp_path: Path) -> None:
    recipe = tiny_recipe(objective=DriftWeights(), optim=Optim(steps=2, batch_states=8))
    train(recipe, tmp_path)
    for other, words in (
        (SimCLRWeights(), r"objective \(drift / simclr\)"),
        (DriftWeights(pull=2.0), r"objective\.pull \(1\.0 / 2\.0\)"),
    ):
        with pytest.raises(ValueError, match=f"it was trained otherwise .*{words}"):
            train(replace(recipe, objective=other), tmp_path)


class Blind(Exception):
    """A predictor was called."""


@pytest.mark.parametrize("objective", [SimCLRWeights(), VICRegWeights(), DriftWeights()], ids=lambda o: o.kind())
def test_calibration_by_an_objective_that_predicts_nothing_calls_no_predictor(objective: ObjectiveWeights) -> None:
    model = build_seeded_model(tiny_recipe())

    def refuse(*_: object) -> torch.Tensor:
        raise Blind

    model.predict = model.condition = refuse  # type: ignore[method-assign, assignment]
    shifts = calibrate_precision(model, transition(6, 3, seed=0), objective, steps=5)
    assert set(shifts) == {f"{part}/{sense}" for part in ("invariant", "equivariant") for sense in ("rgb", "points")}
    assert all(shifts[f"invariant/{sense}"] != 0 for sense in ("rgb", "points"))
    with pytest.raises(Blind):
        calibrate_precision(model, transition(6, 3, seed=0), SensorimotorWeights(), steps=5)


def test_calibration_shifts_only_what_the_objective_depends_on() -> None:
    """SimCLR reads the invariant part of the fused latent alone."""
    shifts = calibrate_precision(build_seeded_model(tiny_recipe()), transition(6, 3, seed=0), SimCLRWeights(), steps=5)
    assert shifts["equivariant/rgb"] == shifts["equivariant/points"] == 0


def test_calibration_lowers_the_loss_of_the_objective_itself() -> None:
    for objective in (SimCLRWeights(), DriftWeights()):
        model, batch = build_seeded_model(tiny_recipe()), transition(12, 3, seed=0)
        before = step_loss(model.eval(), batch, objective, augmented=False).total.item()
        calibrate_precision(model, batch, objective)
        assert step_loss(model, batch, objective, augmented=False).total.item() < before


@pytest.mark.parametrize("forgets", [False, True])
def test_objective_without_fused_terms_is_not_calibrated(forgets: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it forgets to say so, nothing depends on the shifts and they stay 0."""
    if forgets:
        monkeypatch.delattr(UnfusedWeights, "fused_only")
    model, batch = build_seeded_model(tiny_recipe()), transition(6, 3, seed=0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    shifts = calibrate_precision(model, batch, UnfusedWeights(), steps=3)
    assert not any(shifts.values())
    assert bool(shifts) == forgets
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
