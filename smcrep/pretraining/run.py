"""A pretraining run as a frozen record: a recipe, the data that it is trained on, where it is computed and kept."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from smcrep.records import to_record
from smcrep.training.build import Compute
from smcrep.training.recipes import Recipe
from smcrep.worlds.policy import Policy
from smcrep.worlds.rendering.environments import TRAIN_ENVIRONMENTS


@dataclass(frozen=True)
class Data:
    """What is simulated; a triple is for training, validation, test. The three have different objects."""

    root: Path | None = None
    """Folder of meshes (OBJ, OFF, PLY, STL, GLB); None: procedural objects, ``num_objects`` of them."""
    unit: str = "m"
    """Unit of the meshes: m, dm, cm, mm, inch or foot."""
    up: str = "z"
    """Axis of the meshes that points up."""
    on_bad: Literal["stop", "skip"] = "stop"
    """A mesh that cannot be read, moved or seen: stop before anything is simulated, or leave it out and say so."""
    split: Path | None = None
    """JSON file with names of the meshes under train, val and test, and their families under kind; None: drawn."""
    num_objects: tuple[int, int, int] = (300, 40, 60)
    """Procedural objects, where there are no meshes."""
    states_per_object: tuple[int, int, int] = (8, 4, 6)
    """States of each object; each is acted on in ``num_branches`` ways."""
    procedural: int = 0
    """Beside meshes, so many procedural objects in training (0: none): variety generalises to unseen objects."""
    procedural_states: int = 4
    """States of each procedural object beside meshes."""
    procedural_share: float = 0.5
    """Share of every batch that is procedural, beside meshes."""
    held_out_families: tuple[str, ...] = ()
    """Families of procedural objects that are not used at all, to evaluate new shapes later."""
    num_branches: tuple[int, int, int] = (8, 16, 16)
    """Outcomes of each state; validation and test have as many as retrieval has candidates."""
    policy: Policy = field(default_factory=Policy)
    """What is done to objects."""
    environments: tuple[str, ...] = TRAIN_ENVIRONMENTS
    """Environments of training and validation; one is drawn for each observation."""
    test_environments: tuple[str, ...] = TRAIN_ENVIRONMENTS
    """Environments of the test store."""
    corrupted: float = 0.0
    """Probability that a sense of an observation of training is as a faulty sensor gives it (`smcrep.corruptions`, the
    kinds of training); one sense of an observation stays as it is."""
    image_size: int = 64
    """Side of the images in pixels."""
    num_points: int = 256
    """Points of each cloud."""
    seed: int = 0
    """Of the objects and of all that is done to them."""
    processes: int = os.cpu_count() or 1
    """Processes that simulate."""

    def __post_init__(self) -> None:
        for name in ("num_objects", "states_per_object", "num_branches"):
            if min(getattr(self, name)) < 1:
                raise ValueError(f"Data: {name} is {getattr(self, name)}; give at least 1 for each split")
        for name in ("procedural_states", "image_size", "num_points", "processes"):
            if getattr(self, name) < 1:
                raise ValueError(f"Data: {name} is {getattr(self, name)}; give at least 1")
        for name in ("procedural", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"Data: {name} is {getattr(self, name)}; give 0 or more")
        if not 0 <= self.corrupted <= 1:
            raise ValueError(f"Data: corrupted is {self.corrupted}; give a probability from 0 to 1")
        if not 0 < self.procedural_share < 1:
            raise ValueError(f"Data: procedural_share is {self.procedural_share}; give a share between 0 and 1")


@dataclass(frozen=True)
class Run:
    """A variant is ``dataclasses.replace(run, ...)``; `smcrep.pretraining.pretrain` makes it."""

    recipe: Annotated[Recipe, tyro.conf.arg(name="")]  # its fields stand at the top level of a command line
    """What is trained, and how."""
    data: Data = field(default_factory=Data)
    """What it is trained on."""
    compute: Compute = field(default_factory=Compute)
    """What it is computed on."""
    out: Path = Path("runs/demo")
    """Folder that the run is written to."""
    stores: Path | None = None
    """Folder of the stores, to share them between runs; None: ``out``/stores."""

    def to_json(self) -> dict[str, Any]:
        """A dictionary that `json.dumps` takes."""
        return to_record(self)
