"""Pretraining as an API: `Run` says what, `stores` simulates, `pretrain` trains, `load` opens what was left.

from dataclasses import replace
from smcrep.pretraining import demo, pretrain

run = demo()
pretrained = pretrain(replace(run, recipe=replace(run.recipe, seed=1), out=Path("runs/seed-1")))
pretrained.model.embed(...)
"""

from smcrep.pretraining.folder import Pretrained, load
from smcrep.pretraining.pretrain import Interrupted, keep_frozen, pretrain
from smcrep.pretraining.recipes import RECIPES, demo, push, tiny, ycb
from smcrep.pretraining.run import Data, Run
from smcrep.pretraining.stores import stores

__all__ = [
    "RECIPES",
    "Data",
    "Interrupted",
    "Pretrained",
    "Run",
    "demo",
    "keep_frozen",
    "load",
    "pretrain",
    "push",
    "stores",
    "tiny",
    "ycb",
]
