"""A store of scanned or modelled objects: any folder of OBJ, OFF, PLY, STL or GLB files.

    python datasets/prepare_meshes.py FOLDER data/mine --unit mm --up y
    python datasets/prepare_meshes.py ycb_textured data/ycb-train --split-file ycb_split.json --split train

A split file is JSON: lists of names under "train", "val", "test", and (optional) "kind": the family of each name.
"""

import json
import os
from pathlib import Path
from typing import Annotated, Literal

import tyro

from smcrep import script
from smcrep.data.splits import read_split_file
from smcrep.engines import ENGINES
from smcrep.pretraining.stores import usable
from smcrep.senses import DEFAULT_SENSES
from smcrep.worlds.generate import MeshObjects, Policy, Simulation, generate
from smcrep.worlds.objects.finding import find
from smcrep.worlds.rendering.environments import TEST_ENVIRONMENTS, TRAIN_ENVIRONMENTS


def named_in(split_file: Path, split: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names, families) of one split; families are () where the file gives no kinds."""
    chosen = read_split_file(split_file)
    if split not in chosen:
        raise ValueError(f"{split_file}: no split {split!r}; it has {', '.join(chosen)}")
    kinds = json.loads(split_file.read_text()).get("kind", {})
    return tuple(chosen[split]), tuple(kinds.get(name, name) for name in chosen[split]) if kinds else ()


def main(
    root: Annotated[Path, tyro.conf.Positional],
    out: Annotated[Path, tyro.conf.Positional],
    unit: str = "m",
    up: Literal["x", "y", "z"] = "z",
    split_file: Path | None = None,
    split: str = "train",
    on_bad: Literal["skip", "refuse"] = "refuse",
    states_per_object: int = 40,
    kinds: tuple[str, ...] = ("turn",),
    support: Literal["hand", "table"] = "hand",
    num_branches: int = 8,
    environments: Literal["train", "test"] = "train",
    senses: tuple[str, ...] = DEFAULT_SENSES,
    image_size: int = 64,
    num_points: int = 256,
    clean_depth: bool = False,
    seed: int = 0,
    processes: int = os.cpu_count() or 1,
    engine: Literal["local", "ray", "slurm"] = "local",
) -> None:
    """Write (or complete) a store. Every mesh is read, moved and seen first: a bad one is named at once, and so is
    every file that is no object of its own.

    Args:
        root: Folder of the meshes.
        out: Folder of the store.
        unit: Unit of the meshes: m, dm, cm, mm, inch or foot.
        up: Axis of the meshes that points up.
        split_file: JSON file with the names of each split.
        split: Split of that file; also its name: stores of one seed and different splits share no draw.
        on_bad: Whether a mesh that cannot be used is left out, or ends the command.
        states_per_object: States of each object.
        kinds: Kinds of actions, equally probable.
        support: Where objects are: held in a hand, or on a table.
        num_branches: Outcomes of each state.
        environments: Environments of training, or the others.
        senses: Senses that are stored.
        image_size: Side of the images in pixels.
        num_points: Points of each cloud.
        clean_depth: Also store the depth free of noise, for the oracle of the collapse audit.
        seed: Seed of all that is done to the objects.
        processes: Worker processes.
        engine: What makes the shards.
    """
    names, families = named_in(split_file, split) if split_file else ((), ())
    found = find(root)
    print(*found.report(), sep="\n", end="\n" * bool(found.skipped))
    every = Simulation(
        MeshObjects(str(root), unit, up, names, families),
        TRAIN_ENVIRONMENTS if environments == "train" else TEST_ENVIRONMENTS,
        Policy(dict.fromkeys(kinds, 1.0), support, num_branches=num_branches),
        states_per_object,
        image_size=image_size,
        num_points=num_points,
        senses=senses,
        clean_depth=clean_depth,
        seed=seed,
        split=split,
    )
    simulation, problems = usable(every, on_bad="skip" if on_bad == "skip" else "stop")
    print(*problems, sep="\n", end="\n" * bool(problems))
    generate(simulation, out, processes=processes, engine=ENGINES[engine])
    num_objects, num_files = len(simulation.object_set), len(found.kept) + len(found.skipped)
    print(f"{out}: {num_objects} objects, {simulation.num_states * (num_branches + 1)} observations")
    print(
        f"{root}: {num_files} mesh files, {len(found.kept)} of them objects; {num_objects} are in the store,"
        f" {len(found.kept) - len(every.object_set)} are not of the split, {len(problems)} cannot be used"
    )


if __name__ == "__main__":
    script.run("prepare_meshes", lambda: tyro.cli(main))
