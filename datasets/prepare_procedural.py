"""A store of procedural objects, acted on and sensed: by default 10,800 observations of 200 objects.

    python datasets/prepare_procedural.py data/train
    python datasets/prepare_procedural.py data/test --environments test --num-objects 40 --object-seed 1 --split test
    python datasets/prepare_procedural.py data/push --kinds push --support table --vary-physics
    python datasets/prepare_procedural.py data/depth --senses depth mask

What the rows mean stands in cards/procedural.md.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

import tyro

from smcrep import script
from smcrep.engines import ENGINES
from smcrep.senses import DEFAULT_SENSES
from smcrep.worlds.generate import Policy, ProceduralObjects, Simulation, generate
from smcrep.worlds.rendering.environments import TEST_ENVIRONMENTS, TRAIN_ENVIRONMENTS


def main(
    out: Annotated[Path, tyro.conf.Positional],
    num_objects: int = 200,
    object_seed: int = 0,
    families: tuple[str, ...] = (),
    states_per_object: int = 6,
    kinds: tuple[str, ...] = ("turn",),
    support: Literal["hand", "table"] = "hand",
    num_branches: int = 8,
    branch_over: Literal["action", "physics"] = "action",
    vary_physics: bool = False,
    environments: Literal["train", "test"] = "train",
    senses: tuple[str, ...] = DEFAULT_SENSES,
    image_size: int = 64,
    num_points: int = 256,
    clean_depth: bool = False,
    seed: int = 0,
    split: str = "train",
    processes: int = os.cpu_count() or 1,
    engine: Literal["local", "ray", "slurm"] = "local",
) -> None:
    """Write (or complete) a store; sets of objects with different seeds share no object.

    Args:
        out: Folder of the store.
        num_objects: Objects of the store.
        object_seed: Seed of the objects; another seed gives other objects.
        families: Families of shapes (empty: all).
        states_per_object: States of each object.
        kinds: Kinds of actions, equally probable.
        support: Where objects are: held in a hand, or on a table.
        num_branches: Outcomes of each state.
        branch_over: What differs between the outcomes of a state.
        vary_physics: Draw mass, friction, ... anew for each state.
        environments: Environments of training, or the others.
        senses: Senses that are stored.
        image_size: Side of the images in pixels.
        num_points: Points of each cloud.
        clean_depth: Also store the depth free of noise, for the oracle of the collapse audit.
        seed: Seed of all that is done to the objects.
        split: Name of the split; stores of one seed and different splits share no draw.
        processes: Worker processes.
        engine: What makes the shards.
    """
    policy = Policy(
        dict.fromkeys(kinds, 1.0),
        support,
        num_branches=num_branches,
        branch_over=branch_over,
        vary_physics=vary_physics,
    )
    simulation = Simulation(
        ProceduralObjects(num_objects, object_seed, families),
        TRAIN_ENVIRONMENTS if environments == "train" else TEST_ENVIRONMENTS,
        policy,
        states_per_object,
        image_size=image_size,
        num_points=num_points,
        senses=senses,
        clean_depth=clean_depth,
        seed=seed,
        split=split,
    )
    generate(simulation, out, processes=processes, engine=ENGINES[engine])
    print(f"{out}: {simulation.num_states} states, {simulation.num_states * (num_branches + 1)} observations")


if __name__ == "__main__":
    script.run("prepare_procedural", lambda: tyro.cli(main))
