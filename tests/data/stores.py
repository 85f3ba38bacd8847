"""Stores of random numbers, made by the tests."""

from pathlib import Path

import numpy as np

from smcrep.data.schema import Schema, world_schema
from smcrep.data.store import Manifest, StoredObject, shard_path, write_manifest, write_shard
from smcrep.senses import DEFAULT_SENSES, Resolution

SMALL = world_schema(DEFAULT_SENSES, Resolution(6, 5), clean_depth=True)


def random_rows(schema: Schema, num_states: int, k: int, first_state: int, num_objects: int, seed: int = 0) -> dict:
    """State s acts on object s modulo ``num_objects``, of class 7 + object."""
    rng = np.random.default_rng([seed, first_state])
    v, rows = k + 1, {}
    for name, column in schema.columns.items():
        shape = (num_states * v, *column.shape)
        if column.dtype == "uint8":
            rows[name] = rng.integers(0, 256, shape, dtype=np.uint8)
        elif column.dtype == "float32":
            rows[name] = rng.standard_normal(shape, dtype=np.float32)
        if name == "points":
            rows[name] = np.float32(0.05) * rows[name] + np.float32([0, 0, 0.5])  # a thing in front of the camera
    states = np.repeat(np.arange(first_state, first_state + num_states), v)
    rows |= {"state_id": states, "object_id": states % num_objects, "class_id": 7 + states % num_objects}
    rows["environment_id"] = rng.integers(0, 3, len(states))
    if "action" in rows:
        rows["action"][:, 0] = rng.integers(0, 5, len(states))
    return rows


def random_store(
    path: Path, shards: tuple[int, ...] = (4, 3, 5), k: int = 2, num_objects: int = 5, schema: Schema = SMALL
) -> dict[str, np.ndarray]:
    """Write a store with ``shards`` states in each shard; return all that was written, in order."""
    parts, first = [], 0
    for shard_id, num_states in enumerate(shards):
        parts.append(random_rows(schema, num_states, k, first, num_objects))
        write_shard(shard_path(path, shard_id), schema, parts[-1])
        first += num_states
    objects = tuple(StoredObject(i, f"o{i}", 7 + i, "f") for i in range(num_objects))
    write_manifest(path, Manifest(schema, k, len(shards), objects, ("a", "b"), {"seed": 0}))
    return {name: np.concatenate([p[name] for p in parts]) for name in schema.columns}
