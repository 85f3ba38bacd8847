"""Your own recordings as a store: transitions in memory become shards and a manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from smcrep.data.schema import Column, Schema, condition_columns, pack_action
from smcrep.data.shard import states_per_shard, write_shard
from smcrep.data.store import Manifest, Store, StoredObject, shard_path, write_manifest
from smcrep.geometry.action import Action
from smcrep.senses import SENSES
from smcrep.transition import Transition


def write_store(
    folder: str | Path,
    transition: Transition,
    *,
    objects: Sequence[str],
    families: Sequence[str] | None = None,
    pose: Tensor | None = None,
    config: Mapping[str, Any] | None = None,
) -> Store:
    """Write all states of ``transition`` (senses present, an `Action`) to a new store in ``folder``, and open it.

    objects   names, in the order of ``transition.object_id`` 0, 1, ...
    families  of each object, the classes that probes tell apart; None: each object is its own.
    pose      float32 [b, k + 1, 4, 4] T_camera_object in metres, where it is known: a target of probes.
    config    JSON that says where the recordings came from.

    Raises ValueError where ``folder`` holds a store, an observation is refused by its sense, or shapes disagree.
    """
    folder = Path(folder)
    if (folder / "manifest.json").exists():
        raise ValueError(f"{folder}: holds a store; choose another folder or delete it")
    if not isinstance(transition.action, Action):
        raise ValueError("write_store: the actions are no geometry.Action; image augmentations have their own reader")
    families = list(objects) if families is None else list(families)
    if len(families) != len(objects) or int(transition.object_id.max()) >= len(objects):
        raise ValueError(f"write_store: {len(objects)} objects and {len(families)} families; name each object once")
    classes = sorted(set(families))
    rows = _rows(transition, [classes.index(family) for family in families], pose)
    schema = _schema(rows)
    views = transition.observations.batch_shape[1]
    per_shard = states_per_shard(schema, views - 1)
    cuts = range(0, len(transition.state_id), per_shard)
    for shard_id, first in enumerate(cuts):
        part = slice(first * views, (first + per_shard) * views)
        write_shard(shard_path(folder, shard_id), schema, {name: column[part] for name, column in rows.items()})
    named = zip(objects, families, strict=True)
    stored = tuple(StoredObject(i, name, classes.index(family), family) for i, (name, family) in enumerate(named))
    write_manifest(folder, Manifest(schema, views - 1, len(cuts), stored, tuple(classes), dict(config or {})))
    return Store(folder)


def _rows(transition: Transition, class_of_object: list[int], pose: Tensor | None) -> dict[str, np.ndarray]:
    senses = transition.observations
    num_states, views = senses.batch_shape
    rows = {}
    for name in senses:
        if not bool(senses.present[name].all()):
            raise ValueError(f"write_store: {name!r} is absent in some observations; a store holds every sense")
        rows[name] = SENSES[name].check(senses[name].flatten(0, 1)).numpy()
    assert isinstance(transition.action, Action)
    hold = pack_action(Action.identity(num_states, 1))
    rows["action"] = np.concatenate([hold, pack_action(transition.action)], 1).reshape(num_states * views, -1)
    if transition.physics is not None:
        before = transition.physics[:, :1]  # of the first branch: what nothing was done to yet
        rows["physics"] = torch.cat([before, transition.physics], 1).flatten(0, 1).numpy()
    if pose is not None:
        rows["pose"] = pose.flatten(0, 1).numpy()
    ids = {"state_id": transition.state_id, "object_id": transition.object_id}
    ids |= {"class_id": torch.tensor(class_of_object)[transition.object_id]}
    ids |= {"environment_id": transition.environment_id}
    return rows | {name: np.repeat(value.numpy(), views) for name, value in ids.items()}


def _schema(rows: Mapping[str, np.ndarray]) -> Schema:
    conditions = condition_columns()
    columns = {}
    for name, column in rows.items():
        if name in SENSES:
            sense = SENSES[name]
            columns[name] = Column(column.shape[1:], str(column.dtype), sense.unit, sense.frame)
        else:
            columns[name] = conditions[name]
    return Schema(columns)
