"""A store of ours as a source of observations."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from smcrep.data.readers.source import Rows
from smcrep.data.store import Store, identity

IDS = ("state_id", "object_id", "class_id", "environment_id")


class StoreRows:
    """Every observation of a store, in its order: state by state, before and then the outcomes."""

    faults: tuple[str, ...] = ()
    report: tuple[str, ...] = ()

    def __init__(self, store: Store) -> None:
        self.store = store
        self.where = str(store.path)
        self._known = {entry.object_id: entry for entry in store.objects}

    @property
    def num_rows(self) -> int:
        return self.store.num_rows

    @property
    def senses(self) -> tuple[str, ...]:
        return self.store.senses

    @property
    def row_bytes(self) -> int:
        return sum(self.store.schema.columns[name].num_bytes for name in self.senses)

    def fingerprint(self) -> str:
        return identity(self.store.path)

    def read(self, rows: range, senses: Sequence[str]) -> Rows:
        found = self.store.read(np.arange(rows.start, rows.stop), senses)
        return Rows({name: list(x.numpy()) for name, x in found.items()}, {})

    def index(self, rows: range) -> dict[str, Sequence[Any] | np.ndarray]:
        """The ids of the store, branch, object (its name), class (its family's name), and in a store of pictures file,
        the picture's path below its folder."""
        number = np.arange(rows.start, rows.stop)
        columns: dict[str, Any] = {name: x.numpy() for name, x in self.store.read(number, list(IDS)).items()}
        objects = [self._known[int(i)] for i in columns["object_id"]]
        columns["branch"] = number % (self.store.num_branches + 1)
        columns["object"] = [entry.name for entry in objects]
        columns["class"] = [entry.family for entry in objects]
        if "augmentation" in self.store.schema.columns:
            columns["file"] = columns["object"]
        return columns
