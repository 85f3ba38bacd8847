"""The input scales of a model, fitted on what it is going to be trained on."""

from dataclasses import replace

from smcrep.models.pretrained import pretrained_inputs
from smcrep.models.scales import fit_scales
from smcrep.training.recipes import Recipe
from smcrep.training.step import observations, pair_actions, pair_physics, transition_pairs
from smcrep.transition import Transition


def scaled(recipe: Recipe, sample: Transition) -> Recipe:
    """``recipe`` with the scales of ``sample``, a few hundred states; actions and physics as the predictors are told
    them, that is of all pairs that `step_loss` forms, the composed ones too. Pixels are scaled as pretrained weights
    expect where the recipe names some."""
    senses = observations(sample)
    flat = senses.flatten().data
    pairs = transition_pairs(sample.action, senses.batch_shape[1])
    model = fit_scales(
        recipe.model,
        actions=pair_actions(sample.action, pairs).vector(),
        physics=pair_physics(sample.physics, pairs),
        points=flat.get("points"),
        rgb=flat.get("rgb"),
    )
    return replace(recipe, model=pretrained_inputs(model) if recipe.rgb_weights else model)
