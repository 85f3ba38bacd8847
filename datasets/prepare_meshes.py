"""A store of objects scanned or modelled: any folder of OBJ, OFF, PLY, STL or GLB files.

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
from smcrep.worlds.generate import MeshObjects, Policy, Simulation, generate
from smcrep.worlds.objects.source import ObjectSet
from smcrep.worlds.rendering.environments import TEST_ENVIRONMENTS, TRAIN_ENVIRONMENTS


def named_in(split_file: Path, split: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names, families) of one split; families are () where the file gives no kinds."""
    chosen = read_split_file(split_file)
    if split not in chosen:
        raise ValueError(f"{split_file}: no split {split!r}; it has {', '.join(chosen)}")
    kinds = json.loads(split_file.read_text()).get("kind", {})
    return tuple(chosen[split]), tuple(kinds.get(name, name) for name in chosen[split]) if kinds else ()


def is_usable(objects: ObjectSet, index: int, on_bad: str) -> bool:
    """Open one mesh. One that cannot be used is printed, or raised where ``on_bad`` is "refuse"."""
    try:
        objects[index]
    except ValueError as error:
        if on_bad == "refuse":
            raise
        print(f"skipped: {error}")
        return False
    return True


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
    image_size: int = 64,
    num_points: int = 256,
    depth: bool = False,
    seed: int = 0,
    processes: int = os.cpu_count() or 1,
    engine: Literal["local", "ray", "slurm"] = "local",
) -> None:
    """Write (or complete) the store ``out``. Every mesh asked for is opened first: a bad one is named at once."""
    names, families = named_in(split_file, split) if split_file else ((), ())
    asked = ObjectSet(MeshObjects(str(root), unit, up, names, families))
    kept = [i for i in range(len(asked)) if is_usable(asked, i, on_bad)]
    if not kept:
        raise ValueError(f"{root}: none of the {len(asked)} meshes asked for can be used; see the lines above")
    usable = MeshObjects(
        str(root), unit, up, tuple(asked.names[i] for i in kept), tuple(asked.families[i] for i in kept)
    )
    simulation = Simulation(
        usable,
        TRAIN_ENVIRONMENTS if environments == "train" else TEST_ENVIRONMENTS,
        Policy(dict.fromkeys(kinds, 1.0), support, num_branches=num_branches),
        states_per_object,
        image_size,
        num_points,
        depth,
        seed,
        split,
    )
    generate(simulation, out, processes=processes, engine=ENGINES[engine])
    print(f"{out}: {len(kept)} objects, {simulation.num_states * (num_branches + 1)} observations")


if __name__ == "__main__":
    script.run("prepare_meshes", lambda: tyro.cli(main))
