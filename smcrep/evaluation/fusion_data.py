"""Beliefs that fusion is learned, tuned and judged on: three sets of objects that no encoder was fitted to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from smcrep.data.store import Store
from smcrep.evaluation.broken_senses import Fault, believe, broken, faulty
from smcrep.evaluation.encoded import Encoded, encode
from smcrep.evaluation.world import simulation_of
from smcrep.files import atomic_write
from smcrep.models.model import SensorimotorModel
from smcrep.transition import Beliefs
from smcrep.worlds.generate import generate
from smcrep.worlds.objects.source import MeshObjects, ProceduralObjects

FIRST_SEED = 1_000_001
"""Procedural objects of this seed and the next two are in no training."""


@dataclass(frozen=True)
class Sizes:
    """Procedural objects to fit to, to choose on and to report on; states of each; observations of a state (the first
    is a query, from which the outcomes are predicted)."""

    fit: int = 200
    val: int = 60
    test: int = 100
    states: int = 12
    branches: int = 3


@dataclass(frozen=True)
class ObjectSet:
    """Observations of some objects: all of them clean, as labels are taken from; the first of each state, as queries.

    gallery   beliefs [n] of all observations, ``objects`` and ``states`` int64 [n]
    queries   rows int64 [q] of the gallery that are the first of their state
    stores    that they are of; their objects are numbered on
    """

    gallery: Beliefs
    objects: np.ndarray
    states: np.ndarray
    queries: np.ndarray
    stores: tuple[Store, ...]

    @property
    def query_objects(self) -> np.ndarray:
        return self.objects[self.queries]

    @property
    def store_of(self) -> np.ndarray:
        """int64 [n]: which of ``stores`` each observation is of."""
        return np.repeat(np.arange(len(self.stores)), [store.num_rows for store in self.stores])

    @property
    def query_states(self) -> np.ndarray:
        return self.states[self.queries]


SCANS = {"fit": "train", "val": "val", "test": "test"}
"""Set of objects -> the split of a run whose meshes are in it."""


def make_stores(
    own: Callable[[str], Store], folder: Path, sizes: Sizes, splits: Sequence[str] = tuple(SCANS), *, processes: int
) -> dict[str, list[Store]]:
    """Split -> a store of new procedural objects in the world of a run, whose stores ``own`` gives by name, and one of
    the run's meshes where it has some, with as many states and outcomes. Every family is among those of "test"; the
    meshes of "fit" are those of training: no others are left, and without scans all scans would be unusual. Kept in
    ``folder``."""
    world = simulation_of(own("val"))
    few = replace(world.policy, num_branches=sizes.branches)
    families = world.objects.families if isinstance(world.objects, ProceduralObjects) else ()
    found = {}
    for i, split in enumerate(SCANS):
        if split not in splits:
            continue
        number = {"fit": sizes.fit, "val": sizes.val, "test": sizes.test}[split]
        objects = ProceduralObjects(number, FIRST_SEED + i, () if split == "test" else families)
        simulation = replace(
            world, objects=objects, policy=few, states_per_object=sizes.states, corrupted=0.0, clean_depth=False,
            split=f"fusion-{split}",
        )  # fmt: skip
        found[split] = [Store(generate(simulation, folder / split, processes=processes))]
        scans = simulation_of(own(SCANS[split]))
        if isinstance(scans.objects, MeshObjects):
            scans = replace(
                scans, policy=few, states_per_object=sizes.states, corrupted=0.0, split=f"fusion-{scans.split}"
            )
            found[split].append(Store(generate(scans, folder / f"scans-{SCANS[split]}", processes=processes)))
    return found


def gather(model: SensorimotorModel, stores: list[Store], folder: Path) -> ObjectSet:
    """Clean beliefs of all observations of ``stores``, kept in ``folder``."""
    parts, objects, states, queries = [], [], [], []
    rows = offset = base = 0
    for i, store in enumerate(stores):
        views = store.num_branches + 1
        parts.append(kept(folder / f"clean-{i}.safetensors", partial(believe, model, store)))
        objects.append(np.repeat(store.object_ids + offset, views))
        states.append(np.repeat(np.arange(store.num_states) + base, views))
        queries.append(rows + views * np.arange(store.num_states))
        rows, offset, base = rows + store.num_rows, offset + len(store.objects), base + store.num_states
    rows_of = np.concatenate(queries)
    return ObjectSet(_joined(parts), np.concatenate(objects), np.concatenate(states), rows_of, tuple(stores))


def broken_queries(model: SensorimotorModel, objects: ObjectSet, faults: Sequence[Fault], folder: Path) -> Beliefs:
    """Beliefs of the queries where each of ``faults`` strikes its sense, kept in ``folder``."""
    clean: Beliefs = objects.gallery[torch.from_numpy(objects.queries)]
    found = clean
    for fault in faults:
        parts, first = [], 0
        for i, store in enumerate(objects.stores):
            own: Beliefs = clean[first : first + store.num_states]
            path = folder / f"{fault}-{i}.safetensors"
            parts.append(kept(path, partial(broken, model, store, own, fault, views=1)))
            first += store.num_states
        found = with_sense(found, _joined(parts), clean.names.index(fault.sense))
    return found


def with_sense(beliefs: Beliefs, others: Beliefs, m: int) -> Beliefs:
    """``beliefs`` [n] with sense m as in ``others`` [n]."""
    is_m = torch.arange(beliefs.present.shape[-1]) == m
    mean, log_precision = (
        torch.where(is_m[:, None], getattr(others, name), getattr(beliefs, name)) for name in ("mean", "log_precision")
    )
    return Beliefs(mean, log_precision, torch.where(is_m, others.present, beliefs.present), beliefs.names)


def faulty_rows(model: SensorimotorModel, objects: ObjectSet, folder: Path, *, copies: int) -> list[Beliefs]:
    """``copies`` times the beliefs of all observations where each sense has a fault of training half of the time."""
    found = []
    for copy in range(copies):
        parts = []
        for i, store in enumerate(objects.stores):
            make = partial(faulty, model, store, 0.5, views=store.num_branches + 1, seed=1000 * copy + i)
            parts.append(kept(folder / f"faulty-{copy}-{i}.safetensors", make))
        found.append(_joined(parts))
    return found


def encoded(model: SensorimotorModel, objects: ObjectSet) -> list[Encoded]:
    """Each of the stores once through the model, for the outcomes."""
    return [encode(model, store) for store in objects.stores]


def kept(path: Path, make: Callable[[], Beliefs]) -> Beliefs:
    """Beliefs from a file, which is made where it is not there."""
    if not path.is_file():
        made = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {"mean": made.mean, "log_precision": made.log_precision, "present": made.present}
        with atomic_write(path) as temporary:
            save_file({k: v.contiguous() for k, v in tensors.items()}, temporary, {"names": ",".join(made.names)})
        return made
    tensors = load_file(path)
    return Beliefs(tensors["mean"], tensors["log_precision"], tensors["present"], _names(path))


def _names(path: Path) -> tuple[str, ...]:
    with safe_open(path, "pt") as file:
        return tuple(file.metadata()["names"].split(","))


def _joined(parts: list[Beliefs]) -> Beliefs:
    mean, log_precision, present = (
        torch.cat([getattr(part, name) for part in parts]) for name in ("mean", "log_precision", "present")
    )
    return Beliefs(mean, log_precision, present, parts[0].names)
