"""What an objective is given of a small model and a batch: nothing thinned, augmented or dropped."""

from dataclasses import replace

from smcrep.models.model import SensorimotorModel
from smcrep.objectives.objective import Observed
from smcrep.training.build import build_seeded_model
from smcrep.training.step import observe, observed
from smcrep.transition import Transition
from tests.training.synthetic import tiny_recipe, transition


def small_model(predictor: str = "group_residual") -> SensorimotorModel:
    recipe = tiny_recipe()
    return build_seeded_model(replace(recipe, model=replace(recipe.model, predictor=predictor)))


def observed_by(model: SensorimotorModel, batch: Transition) -> Observed:
    beliefs = observe(model, batch.observations)
    return observed(model, beliefs, model.fuse(beliefs)[0], batch)


def observed_batch(num_states: int = 5, num_outcomes: int = 3, seed: int = 0) -> Observed:
    return observed_by(small_model(), transition(num_states, num_outcomes, seed))
