"""Variants of a run, a line each: `dataclasses.replace` of a field of one of its records.

with_model(run, num_vectors=9, num_tensors=4)
with_recipe(run, objective=SimCLRWeights(), seed=1)
with_sense(with_senses(run, "points"), "points", encoder="dgcnn")
"""

from dataclasses import replace
from typing import Any

from smcrep.encoders.pretrained import PACKAGE
from smcrep.pretraining.run import Run
from smcrep.senses import RGB
from smcrep.senses.rgb import RGBSettings
from smcrep.training.recipes import Optim, with_settings


def short(run: Run) -> Run:
    """The budget at which methods are compared: 800 steps, a narrow image encoder that starts from nothing, vectors
    without tensors."""
    run = with_sense(with_optim(one_stream(run), steps=800), RGB.name, width=16, blocks=0)
    return with_model(run, num_vectors=42, num_tensors=0)


def one_stream(run: Run) -> Run:
    """RGB by the small network alone, from nothing: `two_streams` undone."""
    defaults = RGBSettings()
    fields = ("encoder", "weights", "spatial", "frozen_groups", "frozen_depthwise", "lr_scale")
    run = with_sense(run, RGB.name, **{name: getattr(defaults, name) for name in fields})
    run = with_optim(run, precision=Optim().precision)
    return replace(run, compute=replace(run.compute, cache="none"))


def two_streams(run: Run, **settings: Any) -> Run:
    """RGB by two streams: EfficientNet-Lite0 with ImageNet weights, its last two stages trained further, tells objects
    apart; the run's small network and a map of the frozen stages learn where they are. ``settings`` of RGB change it.
    What the frozen stages give is kept (14 kB an observation in float16: `Compute.cache_gb` bounds it)."""
    chosen = {"encoder": "tf_efficientnet_lite0", "weights": PACKAGE, "spatial": "both", "frozen_groups": 6}
    run = with_sense(run, RGB.name, **{**chosen, "frozen_depthwise": True, "lr_scale": 0.1, **settings})
    run = with_optim(run, precision="bf16-mixed")
    return replace(run, compute=replace(run.compute, cache="bfloat16"))


def with_data(run: Run, **fields: Any) -> Run:
    return replace(run, data=replace(run.data, **fields))


def with_recipe(run: Run, **fields: Any) -> Run:
    return replace(run, recipe=replace(run.recipe, **fields))


def with_model(run: Run, **fields: Any) -> Run:
    return with_recipe(run, model=replace(run.recipe.model, **fields))


def with_objective(run: Run, **fields: Any) -> Run:
    """Other weights of the objective that the run has; another objective is ``with_recipe(run, objective=...)``."""
    return with_recipe(run, objective=replace(run.recipe.objective, **fields))


def with_optim(run: Run, **fields: Any) -> Run:
    return with_recipe(run, optim=replace(run.recipe.optim, **fields))


def with_senses(run: Run, *names: str) -> Run:
    """Only these senses; those that the run has keep their settings, the others have the defaults."""
    return with_model(run, senses={name: run.recipe.model.senses.get(name) for name in names})


def with_sense(run: Run, name: str, **settings: Any) -> Run:
    """Other settings of one sense of the run."""
    return with_recipe(run, model=with_settings(run.recipe.model, **{name: settings}))
