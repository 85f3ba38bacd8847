"""Pretrain encoders of RGB and point clouds in a world where objects are acted on.

    python experiments/pretrain.py demo --out runs/demo                          # some 3 minutes on 2 cores
    python experiments/pretrain.py demo --model.use_action False --stores runs/demo/stores --out runs/no_action
    python experiments/pretrain.py ycb --data.root FOLDER --out runs/ycb         # any folder of meshes
    python experiments/pretrain.py tiny --out runs/tiny                          # seconds; the numbers mean nothing
    srun python experiments/pretrain.py demo --compute.devices 4 --compute.num_nodes 2 --out runs/big

Makes the stores that are missing (objects for training, validation and test are different objects), trains, sets the
precision of each sense right on validation objects, and leaves in the run's folder recipe.json, stores.json,
metrics.jsonl, tensorboard/, checkpoint/ and model/. Interrupted, the same command goes on. Every field of the records
below can be set; ``demo --help`` lists them.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from smcrep import script
from smcrep.data.loader import TransitionLoader
from smcrep.data.mixture import MixedLoader
from smcrep.data.splits import read_split_file, split_objects
from smcrep.data.store import Store
from smcrep.hub import save_pretrained
from smcrep.models.pretrained import timm_weights
from smcrep.results import commit, write_json
from smcrep.training import checkpoint, recipes
from smcrep.training.build import Compute, build_fabric
from smcrep.training.calibrate import calibrate_precision
from smcrep.training.command_line import parse
from smcrep.training.fit import NotFinite, fit
from smcrep.training.online import online_probe
from smcrep.training.recipes import Recipe
from smcrep.training.scaling import scaled
from smcrep.transition import concatenate
from smcrep.worlds.generate import Simulation, generate
from smcrep.worlds.objects.families import FAMILIES
from smcrep.worlds.objects.meshes import find_meshes
from smcrep.worlds.objects.source import MeshObjects, ProceduralObjects
from smcrep.worlds.policy import Policy
from smcrep.worlds.rendering.environments import TRAIN_ENVIRONMENTS

SPLITS = ("train", "val", "test")
BESIDE = "train-procedural"
HELD_OUT = ("teapot", "key", "lamp", "animal", "dumbbell")
MESH_FRACTIONS = {"train": 0.6, "val": 0.15, "test": 0.25}
YCB = Path(os.environ.get("SMCREP_DATA", "~/.cache/smcrep/data")).expanduser() / "ycb_textured"
YCB_SPLIT = Path(__file__).parent / "splits/ycb.json"
NUM_SCALING_STATES = 256
NUM_PROBE_STATES = 120
NUM_CALIBRATION_STATES = 240


@dataclass(frozen=True)
class Data:
    """What is simulated; a triple is for training, validation, test.

    root          folder of meshes; None: procedural objects, ``num_objects`` of them.
    unit, up      of the meshes.
    split         JSON file with the names of the meshes under "train", "val" and "test", and their families under
                  "kind"; None: that of YCB where the folder holds its objects, else drawn by ``seed``.
    procedural    beside the meshes: so many procedural objects in training, ``procedural_states`` of each, as a share
                  ``procedural_share`` of every batch. Variety of objects is what carries to unseen ones.
    held_out_families  families of procedural objects that are not used at all, to ask about new shapes later.
    num_branches  outcomes of each state; validation and test have as many as retrieval has candidates.
    """

    root: Path | None = None
    unit: str = "m"
    up: str = "z"
    split: Path | None = None
    num_objects: tuple[int, int, int] = (300, 40, 60)
    states_per_object: tuple[int, int, int] = (8, 4, 6)
    procedural: int = 0
    procedural_states: int = 4
    procedural_share: float = 0.5
    held_out_families: tuple[str, ...] = ()
    num_branches: tuple[int, int, int] = (8, 16, 16)
    policy: Policy = field(default_factory=Policy)
    environments: tuple[str, ...] = TRAIN_ENVIRONMENTS
    test_environments: tuple[str, ...] = TRAIN_ENVIRONMENTS
    image_size: int = 64
    num_points: int = 256
    seed: int = 0
    processes: int = os.cpu_count() or 1


@dataclass(frozen=True)
class Run:
    """stores: the folder of the stores, to share them between runs; None: ``out``/stores."""

    recipe: Annotated[Recipe, tyro.conf.arg(name="")]
    data: Data = field(default_factory=Data)
    compute: Compute = field(default_factory=Compute)
    out: Path = Path("runs/demo")
    stores: Path | None = None


def demo() -> Run:
    return Run(recipes.demo())


def tiny() -> Run:
    data = Data(num_objects=(8, 4, 4), states_per_object=(2, 2, 2), num_branches=(2, 4, 4), processes=1)
    return Run(recipes.tiny(), replace(data, image_size=32, num_points=32), out=Path("runs/tiny"))


def ycb() -> Run:
    data = Data(
        root=YCB,
        states_per_object=(120, 32, 40),
        procedural=3000,
        procedural_states=3,
        procedural_share=0.65,
        held_out_families=HELD_OUT,
    )
    return Run(recipes.ycb(), data, out=Path("runs/ycb"))


PUSH = Policy(
    kinds={"push": 1.0},
    support="table",
    max_angle_deg=10.0,  # objects stand or lie as they are made to ...
    push_height=(-0.35, -0.25),  # ... and are pushed low, squarely and through the middle: where what tips over or
    push_angle_deg=5.0,  # spins away ends, nobody can foretell
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
    data = Data(policy=PUSH, num_objects=(800, 30, 40), states_per_object=(4, 2, 2), num_branches=(8, 8, 8))
    return Run(recipes.push(), data, out=Path("runs/push"))


RECIPES: dict[str, Callable[[], Run]] = {"demo": demo, "tiny": tiny, "ycb": ycb, "push": push}


def simulations(data: Data) -> dict[str, Simulation]:
    """Split -> its world."""
    procedural = procedural_sources(data)
    sources = mesh_sources(data) if data.root else procedural
    found = {}
    for i, split in enumerate(SPLITS):
        found[split] = Simulation(
            objects=sources[split],
            environments=data.test_environments if split == "test" else data.environments,
            policy=replace(data.policy, num_branches=data.num_branches[i]),
            states_per_object=data.states_per_object[i],
            image_size=data.image_size,
            num_points=data.num_points,
            seed=data.seed,
            split=split,
        )
    if data.root and data.procedural:
        objects = replace(procedural["train"], num=data.procedural)
        found[BESIDE] = replace(found["train"], objects=objects, states_per_object=data.procedural_states)
    return found


def procedural_sources(data: Data) -> dict[str, ProceduralObjects]:
    seeds = [len(SPLITS) * data.seed + i for i in range(len(SPLITS))]  # sets of different seeds share no object
    families = tuple(name for name in FAMILIES if name not in data.held_out_families) if data.held_out_families else ()
    numbers = zip(SPLITS, data.num_objects, seeds, strict=True)
    return {split: ProceduralObjects(number, seed, families) for split, number, seed in numbers}


def mesh_sources(data: Data) -> dict[str, MeshObjects]:
    assert data.root
    names, families, file = list(find_meshes(data.root)), dict[str, str](), data.split
    if file is None and set(names) >= {name for part in read_split_file(YCB_SPLIT).values() for name in part}:
        file = YCB_SPLIT
    if file:
        chosen, families = read_split_file(file), json.loads(file.read_text()).get("kind", {})
    else:
        chosen = split_objects(names, MESH_FRACTIONS, data.seed)
    found = {}
    for split in SPLITS:
        kinds = tuple(families.get(name, name) for name in chosen[split])
        found[split] = MeshObjects(str(data.root), data.unit, data.up, tuple(chosen[split]), kinds)
    return found


def make_stores(run: Run, *, progress: bool) -> dict[str, Path]:
    folder = (run.stores or run.out / "stores").resolve()
    return {
        split: generate(simulation, folder / split, processes=run.data.processes, progress=progress)
        for split, simulation in simulations(run.data).items()
    }


def some_states(store: Store, number: int) -> np.ndarray:
    """Sorted ids of at most ``number`` states, the same on every call."""
    number = min(number, store.num_states)
    return np.sort(np.random.default_rng(0).choice(store.num_states, number, replace=False))


def shares(run: Run) -> list[int]:
    """States of each training store in a batch."""
    whole = run.recipe.optim.batch_states
    if not (run.data.root and run.data.procedural):
        return [whole]
    beside = min(max(round(whole * run.data.procedural_share), 1), whole - 1)
    return [whole - beside, beside]


def main() -> None:
    arguments = ["tiny" if a == "--tiny" else a for a in sys.argv[1:]]
    run = parse(RECIPES, arguments, flat=("recipe",), description=str(__doc__))
    fabric = build_fabric(run.compute, run.recipe.optim)
    if run.recipe.rgb_weights:  # refused before minutes of simulation, not after
        timm_weights(run.recipe.model.rgb_encoder, run.recipe.model.rgb_size, run.recipe.rgb_weights)
    begun = time.monotonic()
    with fabric.rank_zero_first():
        paths = make_stores(run, progress=fabric.is_global_zero)
    train, val = [Store(paths[name]) for name in ("train", BESIDE) if name in paths], Store(paths["val"])
    sample = [store.transitions(some_states(store, NUM_SCALING_STATES // len(train))) for store in train]
    recipe = scaled(run.recipe, concatenate(sample))
    checkpoint.load(run.out / "checkpoint", recipe)  # a folder of another run is refused before it is written to
    if fabric.is_global_zero:
        write_json(run.out / "recipe.json", recipe.to_json())
        write_json(run.out / "stores.json", {split: str(path) for split, path in paths.items()})
    states = some_states(val, NUM_PROBE_STATES)
    generated = time.monotonic()

    fitted = fit(
        recipe,
        lambda rank, world_size: MixedLoader(
            [
                TransitionLoader(store, batch_states=number, seed=recipe.seed, rank=rank, world_size=world_size)
                for store, number in zip(train, shares(run), strict=True)
            ]
        ),
        run.out,
        fabric=fabric,
        probe=online_probe(val.transitions(states), val.targets(states)),
    )
    if not fabric.is_global_zero:
        return
    if fitted.stopped_by:
        print(f"pretrain: {fitted.stopped_by.name} after step {fitted.step}; the same command goes on from there")
        sys.exit(128 + fitted.stopped_by)
    provenance = {"recipe": recipe.name, "steps": fitted.step, "commit": commit()}
    provenance |= {"data": [store.manifest.config for store in train]}
    known = val.transitions(some_states(val, NUM_CALIBRATION_STATES))
    shifts = calibrate_precision(fitted.model, known, recipe.objective, steps=recipe.calibration_steps)
    provenance |= {"precision_shifts": shifts}
    save_pretrained(fitted.model.cpu(), run.out / "model", provenance)
    ended = time.monotonic()
    print(f"{run.out}: stores {generated - begun:.0f} s, training {ended - generated:.0f} s")


if __name__ == "__main__":
    script.run("pretrain", main, NotFinite)
