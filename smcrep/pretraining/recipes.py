"""Runs by name. Each says what it is for and what it costs on 2 cores; a variant is `dataclasses.replace`."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from smcrep.models.config import ModelConfig
from smcrep.objectives.sensorimotor import SensorimotorWeights
from smcrep.pretraining.run import Data, Run
from smcrep.pretraining.variants import two_streams
from smcrep.senses import RGB
from smcrep.training.recipes import Optim, Recipe, with_settings
from smcrep.worlds.policy import Policy

HELD_OUT = ("teapot", "key", "lamp", "animal", "dumbbell")
"""Families of procedural objects that `ycb` never trains on."""


def data_folder(name: str) -> Path:
    """Where real data sets lie: $SMCREP_DATA/``name``."""
    return Path(os.environ.get("SMCREP_DATA", "~/.cache/smcrep/data")).expanduser() / name


def demo() -> Run:
    """Two senses, procedural objects turned in the hand: some 75 s of training on 2 cores."""
    # Chosen on validation objects: 0.05 finds the true outcome more often than 0.1 (.49 / .46), 0.2 hardly learns it.
    # The invariant part weighs twice: the equivariant one learns from every pair of views, it from every state only.
    objective = SensorimotorWeights(invariant=2.0, equivariant_temperature=0.05)
    return Run(Recipe(objective=objective))


def tiny() -> Run:
    """The demo in seconds, to see that everything runs; its numbers mean nothing."""
    model = ModelConfig(
        trunk_dim=32,
        invariant_dim=16,
        num_vectors=1,
        num_tensors=1,
        projector_dim=16,
        predictor_hidden=16,
        condition_dim=8,
    )
    optim = Optim(steps=6, batch_states=4, warmup=2)
    recipe = Recipe("tiny", model, optim=optim, log_every=2, checkpoint_every=3, probe_every=3)
    data = Data(num_objects=(8, 4, 4), states_per_object=(2, 2, 2), num_branches=(2, 4, 4), processes=1)
    return Run(recipe, replace(data, image_size=32, num_points=32), out=Path("runs/tiny"))


def ycb() -> Run:
    """Scanned household objects (any folder of meshes will do) and procedural ones: RGB by two streams, for longer."""
    # Chosen on validation objects: at 4e-3 the image encoder learns in 700 steps what it learns in 250 at 1e-3 or 2e-3.
    base = demo().recipe
    model = with_settings(base.model, **{RGB.name: {"width": 24, "blocks": 1}})
    recipe = replace(base, name="ycb", model=model, optim=replace(base.optim, lr=1.5e-3, steps=4000))
    data = Data(
        root=data_folder("ycb_textured"),
        states_per_object=(120, 32, 40),
        procedural=3000,
        procedural_states=3,
        procedural_share=0.65,
        held_out_families=HELD_OUT,
        corrupted=0.3,
        image_size=128,
    )
    return two_streams(Run(recipe, data, out=Path("runs/ycb")))


PUSH = Policy(
    kinds={"push": 1.0},
    support="table",
    max_angle_deg=10.0,  # objects stand or lie as they are made to ...
    push_height=(-0.35, -0.25),  # ... and are pushed low, squarely and through the middle: where what tips over or
    push_angle_deg=5.0,  # spins away ends, nobody can predict
    push_square_deg=12.0,
    push_force_n=(3.5, 4.5),
    push_duration_s=(0.03, 0.04),
    branch_over="either",
    vary_physics=True,
    # The lightest nearly reach the speed of the finger, the heaviest move by millimetres: outcomes as far apart as
    # fits into the picture.
    physics_samples="slide",
    mass_kg=(0.1, 0.7),
    friction=(0.06, 0.2),
    restitution=(0.1, 0.1),
    com_offset=(0.0, 0.0),
)


def push() -> Run:
    """Objects pushed on a table, conditioned on mass and friction: the demo, for longer, resolved to centimetres."""
    # Chosen on validation objects: .02 uses physics a little more than .05 (.57 / .55 fused, .64 / .63 by cloud).
    base = demo().recipe
    objective = replace(base.objective, invariant=1.0, equivariant_temperature=0.02)
    recipe = replace(base, name="push", objective=objective, optim=replace(base.optim, lr=1.5e-3, steps=1600))
    data = Data(policy=PUSH, num_objects=(800, 30, 40), states_per_object=(4, 2, 2), num_branches=(8, 8, 8))
    return Run(recipe, data, out=Path("runs/push"))


RECIPES: dict[str, Callable[[], Run]] = {"demo": demo, "tiny": tiny, "ycb": ycb, "push": push}
"""By the name that the command line takes; add your own."""
