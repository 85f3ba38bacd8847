"""The input scales of a model, fitted on what it is going to be trained on."""

from dataclasses import replace

from smcrep.models.scales import fit_scales
from smcrep.objectives.pairs import pair_actions, pair_physics, transition_pairs
from smcrep.training.recipes import Recipe
from smcrep.transition import Transition


def scaled(recipe: Recipe, sample: Transition) -> Recipe:
    """``recipe`` with the scales of ``sample``, a few hundred states; actions and physics as the predictors are
    conditioned on them, that is of all pairs that the sensorimotor objective forms, the composed ones too."""
    senses = sample.observations
    pairs = transition_pairs(sample.action, senses.batch_shape[1])
    model = fit_scales(
        recipe.model,
        actions=pair_actions(sample.action, pairs).vector(),
        physics=pair_physics(sample.physics, pairs),
        senses=senses.flatten().data,
    )
    return replace(recipe, model=model)
