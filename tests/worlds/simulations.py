"""Small simulations, and all that a store of them holds."""

from dataclasses import replace

import numpy as np

from smcrep.data.store import Store
from smcrep.worlds.objects.source import ProceduralObjects
from smcrep.worlds.policy import Policy
from smcrep.worlds.simulation import Simulation

SMALL = Simulation(
    ProceduralObjects(4), states_per_object=3, image_size=32, num_points=64, clean_depth=True,
    policy=Policy({"turn": 1.0, "look": 1.0}, num_branches=3), environments=("studio",),
)  # fmt: skip
PUSHED = replace(
    SMALL,
    objects=ProceduralObjects(6, families=("box", "brick")),
    policy=Policy({"push": 1.0}, "table", num_branches=6, branch_over="physics", vary_physics=True),
    states_per_object=1,
)
TWO_SHARDS = replace(
    SMALL, objects=ProceduralObjects(12), states_per_object=6, image_size=24, num_points=16, clean_depth=False,
    environments=("kitchen", "night"),
)  # fmt: skip


def everything(store: Store) -> dict[str, np.ndarray]:
    data = store.read(np.arange(store.num_rows), list(store.schema.columns))
    return {n: t.numpy().reshape(-1, store.num_branches + 1, *t.shape[1:]) for n, t in data.items()}
