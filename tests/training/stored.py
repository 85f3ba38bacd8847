"""A store of the transitions that `tests.training.synthetic` makes: nothing is synthetic but its numbers."""

from pathlib import Path

import numpy as np

from smcrep.data.schema import pack_action, world_schema
from smcrep.data.store import Manifest, Store, StoredObject, shard_path, write_manifest, write_shard
from smcrep.senses import DEFAULT_SENSES, Resolution
from tests.training.synthetic import SIZE, transition

NUM_STATES, NUM_OUTCOMES, NUM_POINTS = 16, 2, 24


def stored(folder: Path, *, seed: int = 0) -> Store:
    made = transition(NUM_STATES, NUM_OUTCOMES, seed)
    senses = made.observations.flatten()
    rows, views = len(senses["rgb"]), NUM_OUTCOMES + 1
    packed = np.zeros((NUM_STATES, views, 24), np.float32)
    packed[:, 1:] = pack_action(made.action)
    assert made.physics is not None
    state = np.repeat(np.arange(NUM_STATES), views)
    schema = world_schema(DEFAULT_SENSES, Resolution(SIZE, NUM_POINTS))
    columns = {
        "rgb": senses["rgb"].numpy(),
        "points": senses["points"].numpy(),
        "action": packed.reshape(rows, 24),
        "physics": np.repeat(made.physics[:, 0].numpy(), views, 0),
        "pose": np.tile(np.eye(4, dtype=np.float32), (rows, 1, 1)),
        "state_id": state,
        "object_id": state,
        "class_id": state * 0,
        "environment_id": state * 0,
    }
    write_shard(shard_path(folder, 0), schema, columns)
    objects = tuple(StoredObject(i, f"thing-{i}", 0, "thing") for i in range(NUM_STATES))
    write_manifest(folder, Manifest(schema, NUM_OUTCOMES, 1, objects, ("thing",)))
    return Store(folder)
