"""The stores of a run: objects for training, validation and test are different objects."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from smcrep.data.splits import read_split_file, split_objects
from smcrep.data.store import Store
from smcrep.pretraining.run import Data, Run
from smcrep.worlds.dynamics.bodies import Bodies
from smcrep.worlds.dynamics.mechanics import UnstableSimulation
from smcrep.worlds.episodes import MAX_ATTEMPTS, MIN_VISIBLE, draw
from smcrep.worlds.generate import generate
from smcrep.worlds.objects.families import FAMILIES
from smcrep.worlds.objects.finding import find, find_meshes
from smcrep.worlds.objects.source import MeshObjects, ProceduralObjects
from smcrep.worlds.rendering.clouds import visible_pixels
from smcrep.worlds.rendering.sensors import render
from smcrep.worlds.simulation import Simulation

SPLITS = ("train", "val", "test")
BESIDE = "train-procedural"
"""Store of the procedural objects that are trained on beside meshes."""
MESH_FRACTIONS = {"train": 0.6, "val": 0.15, "test": 0.25}
YCB_SPLIT = Path(__file__).parent / "ycb.json"


def stores(run: Run, *, progress: bool = True) -> dict[str, Store]:
    """Split -> its store ("train", "val", "test", and "train-procedural" beside meshes); those that are missing are
    simulated. Interrupted, the same call goes on. Every mesh is read, moved and seen before anything is simulated; with
    ``run.data.on_bad`` "skip", one that cannot be is named on standard error and left out."""
    folder, asked = stores_folder(run), simulations(run)
    report = find(run.data.root).report() if run.data.root else []
    if run.data.on_bad == "skip" or not all((folder / split / "manifest.json").is_file() for split in asked):
        for split in asked:
            asked[split], problems = usable(asked[split], on_bad=run.data.on_bad)
            report += problems
        if progress:
            print(*report, sep="\n", end="\n" * bool(report), file=sys.stderr)
    return {
        split: Store(generate(simulation, folder / split, processes=run.data.processes, progress=progress))
        for split, simulation in asked.items()
    }


def usable(simulation: Simulation, *, on_bad: Literal["stop", "skip"]) -> tuple[Simulation, list[str]]:
    """(the simulation of the meshes that can be read, moved and seen; a line for each other one). One state of each is
    drawn, with two outcomes at most. on_bad="stop" raises the first that cannot be as ValueError."""
    source, problems = simulation.objects, list[str]()
    if isinstance(source, ProceduralObjects):
        return simulation, problems
    few = replace(simulation.policy, num_branches=min(2, simulation.policy.num_branches))
    for check in (_check_alone, _check_seen):  # clutter is drawn from all: first those that are bad by themselves
        trial, kept = replace(simulation, objects=source, policy=few), list[int]()
        objects = trial.object_set
        for index, name in enumerate(objects.names):
            try:
                check(trial, index)
                kept.append(index)
            except ValueError as error:
                if on_bad == "stop":
                    raise
                problems.append(f"skipped: {name}: {error}")
        if not kept:
            raise ValueError(
                f"{source.root}: none of the {len(objects)} meshes of the split {simulation.split!r} can be used"
                f" ({problems[-1]}); mend them, or give others"
            )
        if len(kept) < len(objects):
            names = tuple(objects.names[i] for i in kept)
            source = replace(source, names=names, families=tuple(objects.families[i] for i in kept))
    return replace(simulation, objects=source), problems


def _check_alone(simulation: Simulation, index: int) -> None:
    Bodies((simulation.object_set[index],))  # raises where it cannot be one


def _check_seen(simulation: Simulation, index: int) -> None:
    for attempt in range(MAX_ATTEMPTS):
        try:
            views = draw(simulation, index * simulation.states_per_object, attempt).views
        except UnstableSimulation:
            continue
        if (visible_pixels(render(views, normals=False)) >= MIN_VISIBLE * simulation.image_size**2).all():
            return
    name = simulation.object_set.names[index]
    raise ValueError(
        f"simulate: {MAX_ATTEMPTS} draws of {name} were all unstable or out of sight; ask for a gentler policy"
        " or larger images, or leave it out"
    )


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
            corrupted=data.corrupted if split == "train" else 0.0,
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
