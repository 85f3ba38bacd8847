"""What a column of a store holds: shape, dtype, unit and frame, and how an action is packed into one of them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from smcrep.geometry.action import Action
from smcrep.geometry.physics import PHYSICS_DIM, PHYSICS_NAMES
from smcrep.senses import RGB, SENSES, Resolution

VERSION = 2
"""Version of the layout of a store. A store of another version is refused: generate it again."""

PACKED_ACTION_DIM = 1 + 16 + 3 + 3 + 1
DTYPES = ("uint8", "int32", "int64", "float32", "float64")
MAX_ROW_BYTES = 2**31 - 1
"""Arrow's limit of a fixed-size binary column."""
IDS = ("state_id", "object_id", "class_id", "environment_id")
"""Plain int64 columns that every store has."""


@dataclass(frozen=True)
class Column:
    """One value per observation: a plain Arrow integer for ``shape`` () of int64, else fixed-size binary."""

    shape: tuple[int, ...]
    dtype: str  # numpy's name: "uint8", "float32", "int64"
    unit: str = "1"
    frame: str = ""

    @property
    def is_plain(self) -> bool:
        return self.shape == () and self.dtype == "int64"

    @property
    def num_bytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Schema:
    columns: dict[str, Column]
    version: int = VERSION

    def to_json(self) -> dict[str, Any]:
        columns = {
            n: {"shape": list(c.shape), "dtype": c.dtype, "unit": c.unit, "frame": c.frame}
            for n, c in self.columns.items()
        }
        return {"version": self.version, "columns": columns}

    @classmethod
    def from_json(cls, value: object, where: str) -> "Schema":
        """``where`` names the file in the error message."""
        found = value.get("version") if isinstance(value, Mapping) else None
        if not isinstance(value, Mapping) or found != VERSION:
            raise ValueError(
                f"{where}: schema version {found}, this smcrep reads version {VERSION}; generate the store again"
            )
        try:
            return cls({name: _column(name, c) for name, c in value["columns"].items()})
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise ValueError(f"{where}: the schema is damaged ({error!r}); generate the store again") from None

    def metadata(self) -> dict[bytes, bytes]:
        """The same, as Arrow schema metadata."""
        return {b"smcrep": json.dumps(self.to_json(), sort_keys=True).encode()}

    def check(self, rows: Mapping[str, np.ndarray], where: str) -> int:
        """The number of rows, after every column was found with its shape and dtype and finite; else ValueError."""
        missing, unknown = self.columns.keys() - rows.keys(), rows.keys() - self.columns.keys()
        if missing or unknown:
            raise ValueError(
                f"{where}: columns missing {sorted(missing)}, unknown {sorted(unknown)};"
                f" pass exactly {sorted(self.columns)}"
            )
        num_rows = len(next(iter(rows.values())))
        for name, column in self.columns.items():
            found, wanted = rows[name], (num_rows, *column.shape)
            if found.shape != wanted or found.dtype != np.dtype(column.dtype):
                raise ValueError(
                    f"{where}: column {name!r} is {found.dtype} {list(found.shape)};"
                    f" the schema says {column.dtype} {list(wanted)}"
                )
            if found.dtype.kind == "f" and not np.isfinite(found).all():
                bad = int(np.nonzero(~np.isfinite(found.reshape(num_rows, -1)).all(1))[0][0])
                raise ValueError(f"{where}: column {name!r} is not finite at row {bad}; leave that state out")
        return num_rows


def _column(name: str, value: Mapping[str, Any]) -> Column:
    column = Column(tuple(int(size) for size in value["shape"]), value["dtype"], value["unit"], value["frame"])
    if column.dtype not in DTYPES:
        raise ValueError(f"column {name!r} is of dtype {column.dtype!r}")
    if any(size < 1 for size in column.shape) or column.num_bytes > MAX_ROW_BYTES:
        raise ValueError(f"column {name!r} is of shape {list(column.shape)}")
    if not isinstance(column.unit, str) or not isinstance(column.frame, str):
        raise ValueError(f"column {name!r} has a unit or frame that is no text")
    return column


def _ids() -> dict[str, Column]:
    return {name: Column((), "int64") for name in IDS}


def sense_column(name: str, resolution: Resolution) -> Column:
    """What a store holds of one observation of a sense."""
    sense = SENSES[name]
    return Column(tuple(sense.item_shape(resolution)), sense.dtype, sense.unit, sense.frame)


def condition_columns() -> dict[str, Column]:
    """Columns of a store that are no sense: conditions, targets and ids."""
    columns = {
        "action": Column((PACKED_ACTION_DIM,), "float32", "index, m, m, N, s", "camera before the action"),
        "physics": Column((PHYSICS_DIM,), "float32", ", ".join(PHYSICS_NAMES), "object"),
        "pose": Column((4, 4), "float32", "m", "T_camera_object"),
    }
    return columns | _ids()


def world_schema(senses: Sequence[str], resolution: Resolution, *, clean_depth: bool = False) -> Schema:
    """Columns of a store made by a world. A row is one observation; the k + 1 rows of a state follow each other: row 0
    before, rows 1..k the outcomes of its k actions. ``action`` (see `pack_action`) of row 0 is hold; ``pose`` is
    T_camera_object; ``clean_depth`` is free of noise (a target, not a sense)."""
    columns = {name: sense_column(name, resolution) for name in senses} | condition_columns()
    if clean_depth:
        size = resolution.image_size
        columns["clean_depth"] = Column((size, size), "float32", "m along z, 0 where nothing was hit", "image")
    return Schema(columns)


def image_schema(image_size: int, augmentation_dim: int) -> Schema:
    """Columns of a store made of pictures: row 0 of a state is the picture, rows 1..k its augmented views;
    ``augmentation`` is `data.augment.Augmentation.vector` (row 0: identity)."""
    columns = {
        RGB.name: sense_column(RGB.name, Resolution(image_size, 1)),
        "augmentation": Column((augmentation_dim,), "float32", "see smcrep.data.augment", "image"),
    }
    return Schema(columns | _ids())


def pack_action(action: Action) -> np.ndarray:
    """float32 [..., 24]: kind (1), motion by rows (16), contact (3), force (3), duration (1). Lossless."""
    parts = [
        action.kind[..., None].to(torch.float32),
        action.motion.flatten(-2),
        action.contact,
        action.force,
        action.duration[..., None],
    ]
    return torch.cat(parts, -1).to(torch.float32).numpy()


def unpack_action(packed: Tensor) -> Action:
    """The inverse of `pack_action`."""
    kind, motion, contact, force, duration = packed.split([1, 16, 3, 3, 1], -1)
    return Action(kind[..., 0].long(), motion.unflatten(-1, (4, 4)), contact, force, duration[..., 0])
