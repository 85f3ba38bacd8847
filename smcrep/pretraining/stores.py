"""The stores of a run: objects for training, validation and test are different objects."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from smcrep.data.splits import read_split_file, split_objects
from smcrep.data.store import Store
from smcrep.pretraining.run import Data, Run
from smcrep.worlds.generate import generate
from smcrep.worlds.objects.families import FAMILIES
from smcrep.worlds.objects.meshes import find_meshes
from smcrep.worlds.objects.source import MeshObjects, ProceduralObjects
from smcrep.worlds.simulation import Simulation

SPLITS = ("train", "val", "test")
BESIDE = "train-procedural"
"""Store of the procedural objects that are trained on beside meshes."""
MESH_FRACTIONS = {"train": 0.6, "val": 0.15, "test": 0.25}
YCB_SPLIT = Path(__file__).parent / "ycb.json"


def stores(run: Run, *, progress: bool = True) -> dict[str, Store]:
    """Split -> its store ("train", "val", "test", and "train-procedural" beside meshes); those that are missing are
    simulated. Interrupted, the same call goes on."""
    folder = stores_folder(run)
    return {
        split: Store(generate(simulation, folder / split, processes=run.data.processes, progress=progress))
        for split, simulation in simulations(run).items()
    }


def stores_folder(run: Run) -> Path:
    return run.stores or run.out / "stores"


def simulations(run: Run) -> dict[str, Simulation]:
    """Split -> its world."""
    data = run.data
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
            senses=run.recipe.model.names,
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
    """The meshes under ``data.root``, split as ``data.split`` says; without it as `ycb.json` where the folder holds the
    YCB scans, else drawn by the seed."""
    assert data.root
    names, families, file = list(find_meshes(data.root)), dict[str, str](), data.split
    ycb = read_split_file(YCB_SPLIT)
    if file is None and set(names) >= {name for split in SPLITS for name in ycb[split]}:
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


def shares(run: Run) -> list[int]:
    """States of each training store in a batch."""
    batch = run.recipe.optim.batch_states
    if not (run.data.root and run.data.procedural):
        return [batch]
    beside = min(max(round(batch * run.data.procedural_share), 1), batch - 1)
    return [batch - beside, beside]


def some_states(store: Store, number: int) -> np.ndarray:
    """Sorted ids of at most ``number`` states, the same on every call."""
    number = min(number, store.num_states)
    return np.sort(np.random.default_rng(0).choice(store.num_states, number, replace=False))
