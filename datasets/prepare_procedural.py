"""A store of procedural objects, acted on and sensed: by default 10,800 observations of 200 objects.

    python datasets/prepare_procedural.py data/train
    python datasets/prepare_procedural.py data/test --environments test --num-objects 40 --object-seed 1 --split test
    python datasets/prepare_procedural.py data/push --kinds push --support table --vary-physics

What the rows mean stands in cards/procedural.md.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

import tyro

from smcrep import script
from smcrep.engines import ENGINES
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
    image_size: int = 64,
    num_points: int = 256,
    depth: bool = False,
    seed: int = 0,
    split: str = "train",
    processes: int = os.cpu_count() or 1,
    engine: Literal["local", "ray", "slurm"] = "local",
) -> None:
    """Write (or complete) the store ``out``; sets of objects with different seeds share no object."""
    simulation = Simulation(
        ProceduralObjects(num_objects, object_seed, families),
        TRAIN_ENVIRONMENTS if environments == "train" else TEST_ENVIRONMENTS,
        Policy(
            dict.fromkeys(kinds, 1.0),
            support,
            num_branches=num_branches,
            branch_over=branch_over,
            vary_physics=vary_physics,
        ),
        states_per_object,
        image_size,
        num_points,
        depth,
        seed,
        split,
    )
    generate(simulation, out, processes=processes, engine=ENGINES[engine])
    print(f"{out}: {simulation.num_states} states, {simulation.num_states * (num_branches + 1)} observations")


if __name__ == "__main__":
    script.run("prepare_procedural", lambda: tyro.cli(main))
