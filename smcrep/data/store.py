"""A store: a folder of shards and a manifest, read at random as transitions.

    manifest.json               schema, num_branches, num_shards, objects, classes, config
    shards/shard-00000.arrow    Arrow stream that Hugging Face ``datasets`` opens memory-mapped (`Store.dataset`)
    shards/shard-00000.json     its rows, bytes, sha256

A state is k + 1 rows of one shard that follow each other: before, then its k outcomes.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from smcrep.data.augment import Augmentation
from smcrep.data.schema import Schema, unpack_action
from smcrep.data.seal import broken_seal, sealed
from smcrep.data.shard import is_complete, open_shard, read_sidecar, verify_shard, write_shard
from smcrep.files import atomic_write_bytes
from smcrep.geometry.physics import PHYSICS_DIM
from smcrep.senses import SENSES
from smcrep.transition import Senses, Targets, Transition

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = [
    "Manifest", "Store", "StoredObject", "damaged", "identity", "is_complete", "read_manifest", "shard_path", "verify",
    "write_manifest", "write_shard",
]  # fmt: skip


@dataclass(frozen=True)
class StoredObject:
    object_id: int
    name: str
    class_id: int
    family: str


@dataclass(frozen=True)
class Manifest:
    schema: Schema
    num_branches: int  # k
    num_shards: int
    objects: tuple[StoredObject, ...]
    classes: tuple[str, ...]  # name of class_id 0, 1, ...
    config: Mapping[str, Any] = field(default_factory=dict)  # what generated it, as JSON


def shard_path(folder: str | Path, shard_id: int) -> Path:
    return Path(folder) / "shards" / f"shard-{shard_id:05d}.arrow"


def write_manifest(folder: str | Path, manifest: Manifest) -> None:
    """Write ``manifest.json``, whole. ``manifest.config`` must be JSON."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    value = {
        "schema": manifest.schema.to_json(),
        "num_branches": manifest.num_branches,
        "num_shards": manifest.num_shards,
        "objects": [asdict(o) for o in manifest.objects],
        "classes": list(manifest.classes),
        "config": dict(manifest.config),
    }
    atomic_write_bytes(Path(folder) / "manifest.json", sealed(value))


def read_manifest(folder: str | Path) -> Manifest:
    """Raises ValueError where there is none, it is not JSON, lacks a field, or is of another schema version."""
    path = Path(folder) / "manifest.json"
    if not path.is_file():
        raise ValueError(f"{path}: no such file, so {folder} is not a store; check the path or generate one there")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise ValueError(f"{path}: damaged manifest ({error}); generate the store again") from None
    schema = Schema.from_json(value.get("schema") if isinstance(value, dict) else None, str(path))
    try:
        objects = tuple(StoredObject(**o) for o in value["objects"])
        num_branches, num_shards = int(value["num_branches"]), int(value["num_shards"])
        if num_branches < 1 or num_shards < 0 or not isinstance(value["config"], dict):
            raise ValueError(f"num_branches {num_branches}, num_shards {num_shards}")
        return Manifest(schema, num_branches, num_shards, objects, tuple(value["classes"]), value["config"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path}: damaged manifest ({error!r}); generate the store again") from None


def identity(folder: str | Path) -> str:
    """sha256 of the manifest and of the checksums of all shards: stores that differ in a byte differ in it."""
    found = hashlib.sha256((Path(folder) / "manifest.json").read_bytes())
    for shard_id in range(read_manifest(folder).num_shards):
        found.update(str(read_sidecar(shard_path(folder, shard_id))["sha256"]).encode())
    return found.hexdigest()


def damaged(folder: str | Path) -> dict[Path, str]:
    """File -> what is wrong with it, of the manifest and the shards, where they are not as they were written. Reads
    every byte of the store."""
    path, found = Path(folder) / "manifest.json", dict[Path, str]()
    try:
        manifest = read_manifest(folder)
    except ValueError as error:
        return {path: str(error)}
    if words := broken_seal(path):  # shards cannot be judged by it
        return {path: f"{path}: {words}; copy it from where it was written, or generate the store again"}
    for path in (shard_path(folder, shard_id) for shard_id in range(manifest.num_shards)):
        try:
            verify_shard(path, manifest.schema)
        except ValueError as error:
            found[path] = str(error)
    return found


def verify(folder: str | Path) -> None:
    """Read every byte of the store; ValueError names all files that are not as they were written."""
    if found := damaged(folder):
        raise ValueError("\n".join(found.values()))
    Store(folder)


class Store:
    """A store opened for reading. Files are mapped: memory does not grow with the store. Read-only, so safe to share
    between threads."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest = read_manifest(path)
        self.schema, self.num_branches = self.manifest.schema, self.manifest.num_branches
        self.objects, self.classes = self.manifest.objects, self.manifest.classes
        if self.manifest.num_shards < 1:
            raise ValueError(f"{path}: the store has no shards; generate at least one state")
        self._shards: list[dict[str, np.ndarray]] = []
        for shard_id in range(self.manifest.num_shards):
            self._shards.append(open_shard(shard_path(path, shard_id), self.schema))
            rows = len(self._shards[-1]["state_id"])
            if rows % (self.num_branches + 1):
                raise ValueError(
                    f"{shard_path(path, shard_id)}: {rows} rows, but a state has {self.num_branches + 1}"
                    " observations; delete it and generate the store again"
                )
        self._starts = np.cumsum([0] + [len(s["state_id"]) for s in self._shards])
        self._flat: dict[tuple[int, str], memoryview] = {}

    @property
    def senses(self) -> tuple[str, ...]:
        """Columns that are sensed (`smcrep.senses`); all others are conditions or targets."""
        return tuple(name for name in self.schema.columns if name in SENSES)

    @property
    def num_rows(self) -> int:
        return int(self._starts[-1])

    @property
    def num_states(self) -> int:
        return self.num_rows // (self.num_branches + 1)

    @property
    def object_ids(self) -> np.ndarray:
        """int64 [num_states]: the object acted on in each state."""
        return self._state_columns["object_id"]

    @property
    def class_ids(self) -> np.ndarray:
        """int64 [num_states]."""
        return self._state_columns["class_id"]

    @cached_property
    def dataset(self) -> "Dataset":
        """The same files as a Hugging Face dataset (columns are bytes; shapes stand in ``schema``)."""
        from datasets import Dataset, concatenate_datasets

        return concatenate_datasets(
            [Dataset.from_file(str(shard_path(self.path, i))) for i in range(len(self._shards))]
        )

    def read(self, rows: np.ndarray, columns: Sequence[str]) -> dict[str, Tensor]:
        """Observations ``rows`` [r] in that order: name -> [r, *shape], copied out of the mapped files."""
        rows = np.asarray(rows)
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise ValueError(f"{self.path}: read wants a 1-d array of integers, not {rows.dtype} {list(rows.shape)}")
        if rows.size and (rows.min() < 0 or rows.max() >= self.num_rows):
            raise ValueError(
                f"{self.path}: rows {rows.min()}..{rows.max()} requested, the store has rows 0..{self.num_rows - 1}"
            )
        unknown = [c for c in columns if c not in self.schema.columns]
        if unknown:
            raise ValueError(f"{self.path}: no columns {unknown}; the store has {sorted(self.schema.columns)}")
        return {name: block[:, 0] for name, block in self._gather(columns, rows, 1).items()}

    def _gather(self, columns: Sequence[str], index: np.ndarray, size: int) -> dict[str, Tensor]:
        """Blocks ``index`` [r] of ``size`` rows each: name -> [r, size, *shape]."""
        index = index.astype(np.int64)  # unsigned would become floating point below
        starts = self._starts // size
        shard = np.searchsorted(starts, index, side="right") - 1
        local = index - starts[shard]
        held = np.unique(shard).tolist()
        in_turn = len(index) > 1 and bool((np.diff(index) == 1).all())  # then each shard's part is one slice
        scattered = not in_turn and 8 * len(held) > len(index)
        if in_turn:
            ends = np.searchsorted(shard, [*held, held[-1] + 1])
            cuts = zip(held, pairwise(ends), strict=True)
            parts = [(s, slice(i, j), slice(local[i], local[j - 1] + 1)) for s, (i, j) in cuts]
        elif not scattered:
            parts = [(s, where := np.flatnonzero(shard == s), local[where]) for s in held]
        else:
            parts = []
        places = list(zip(shard.tolist(), local.tolist(), strict=True))
        result = {}
        for name in columns:
            column = self.schema.columns[name]
            shape, length = (len(index), size, *column.shape), size * column.num_bytes
            if scattered or (not in_turn and length >= 1024):
                # One join of bytes: a fancy index makes a large temporary or one call a shard, a loop costs a third.
                rows = [self._bytes(s, name)[at * length : (at + 1) * length] for s, at in places]
                out = np.ndarray(shape, column.dtype, bytearray().join(rows))
            else:
                out = np.empty(shape, column.dtype)
                for s, here, there in parts:
                    out[here] = self._shards[s][name].reshape(-1, size, *column.shape)[there]
            result[name] = torch.from_numpy(out)
        return result

    def _bytes(self, shard: int, column: str) -> memoryview:
        key = (shard, column)
        if key not in self._flat:
            self._flat[key] = self._shards[shard][column].reshape(-1).view(np.uint8).data
        return self._flat[key]

    def transitions(self, states: np.ndarray, senses: Sequence[str] | None = None) -> Transition:
        """States [b] as one batch; ``senses`` as named, or all that the store has."""
        names = self.senses if senses is None else tuple(senses)
        conditions = [n for n in ("action", "augmentation", "physics") if n in self.schema.columns]
        data = self._read_states(states, [*names, *conditions, "state_id", "object_id", "environment_id"])
        action = (
            Augmentation.from_vector(data["augmentation"]) if "augmentation" in data else unpack_action(data["action"])
        )
        return Transition(
            before=Senses.all_present({n: data[n][:, 0] for n in names}),
            after=Senses.all_present({n: data[n][:, 1:] for n in names}, 2),
            action=action[:, 1:],  # type: ignore[arg-type]
            physics=data["physics"][:, 1:] if "physics" in data else None,
            state_id=data["state_id"][:, 0],
            object_id=data["object_id"][:, 0],
            environment_id=data["environment_id"][:, 0],
        )

    def targets(self, states: np.ndarray, *, clean_depth: bool = True) -> Targets:
        """What a probe may be scored on, of states [b]. Pose and physics are NaN where the store knows none (pictures);
        ``clean_depth=False`` leaves the noise-free depth on disk."""
        known = [n for n in ("pose", "physics") + ("clean_depth",) * clean_depth if n in self.schema.columns]
        data = self._read_states(states, ["class_id", "object_id", *known])
        b, k = len(states), self.num_branches
        pose = data["pose"] if "pose" in data else torch.full((b, k + 1, 4, 4), torch.nan)
        physics = data["physics"] if "physics" in data else torch.full((b, k + 1, PHYSICS_DIM), torch.nan)
        return Targets(
            class_id=data["class_id"][:, 0],
            object_id=data["object_id"][:, 0],
            pose_before=pose[:, 0],
            pose_after=pose[:, 1:],
            physics=physics[:, 1:],
            depth_after=data["clean_depth"][:, 1:] if "clean_depth" in data else None,
        )

    def load(self, states: np.ndarray, epoch: int) -> tuple[Transition, Targets]:
        """One batch for `data.loader`, without the noise-free depth. What a store holds is the same in every
        ``epoch``."""
        return self.transitions(states), self.targets(states, clean_depth=False)

    def _read_states(self, states: np.ndarray, columns: Sequence[str]) -> dict[str, Tensor]:
        states = np.asarray(states)
        if len(states) and (states.min() < 0 or states.max() >= self.num_states):
            raise ValueError(
                f"{self.path}: states {states.min()}..{states.max()} requested, the store has 0..{self.num_states - 1}"
            )
        return self._gather(columns, states, self.num_branches + 1)

    @cached_property
    def _state_columns(self) -> dict[str, np.ndarray]:
        v = self.num_branches + 1
        return {c: np.concatenate([s[c][::v] for s in self._shards]) for c in ("object_id", "class_id")}
