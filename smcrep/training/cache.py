"""What frozen layers make of each stored observation, computed once and kept in files.

Where it belongs: a source between the store and its loader. It adds to each batch what `Sense.prepare` would make in
the step, under `prepared_name`, so loader, model and step do not know of it; without a cache, and in extraction, the
model computes the same. A whole store is computed before training, always in the same pieces: what is kept is a
function of weights and store alone, so it is the same in each process and after an interruption.

A file is named by a sum of all that it depends on: other weights or another store never find it. It is mapped, so
memory does not grow with it, and the system keeps in memory what fits.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from smcrep.data.store import Store, identity
from smcrep.files import atomic_write, file_lock
from smcrep.models.evaluating import evaluating
from smcrep.models.model import SensorimotorModel
from smcrep.progress import progress
from smcrep.senses import SENSES, Frozen, prepared_name
from smcrep.transition import Senses, Targets, Transition

ROWS_AT_ONCE = 64
Numbers = Literal["float16", "bfloat16", "float32"]
STORED = {"float16": "float16", "bfloat16": "float16", "float32": "float32"}
"""NumPy has no bfloat16; all of its numbers that float16 reaches are numbers of float16 too."""


def cached(
    model: SensorimotorModel,
    stores: Sequence[Store],
    folder: Path,
    *,
    numbers: Numbers,
    max_bytes: float,
    shown: bool = True,
) -> list["Cached"]:
    """The stores as sources of batches that bring what the frozen layers of ``model`` make of them. Files that are
    missing in ``folder`` are computed, on the model's device.

    numbers    float32, or float16: half the bytes, each number rounded by at most 0.05 %; or bfloat16: layers compute
               in it too, which takes less than half the time where the processor has it, and differ by some 1 %.
    max_bytes  of all files in ``folder``. ValueError in one line where they would be more, before any is written, and
               where the model has no frozen layers.
    shown      progress on standard error.
    """
    model = evaluating(model)
    frozen = frozen_layers(model)
    files = [
        {name: _File(folder, model, store, name, part, numbers) for name, part in frozen.items()} for store in stores
    ]
    missing = [file for of_store in files for file in of_store.values() if not file.path.is_file()]
    there = sum(path.stat().st_size for path in folder.glob("*.npy"))
    needed = sum(file.num_bytes for file in missing)
    if missing and there + needed > max_bytes:
        raise ValueError(
            f"cache: {needed / 1e9:.3g} GB beside the {there / 1e9:.3g} GB that lie in {folder}, and "
            f"{max_bytes / 1e9:.3g} GB are allowed; raise cache_gb, empty that folder, or set cache to 'none'"
        )
    if missing:
        with file_lock(folder):
            for file in missing:
                file.write(shown)
    kept = [{name: file.opened() for name, file in of_store.items()} for of_store in files]
    return [Cached(store, of_store) for store, of_store in zip(stores, kept, strict=True)]


def frozen_layers(model: SensorimotorModel) -> dict[str, Frozen]:
    """Sense -> the work of its frozen layers; ValueError where no sense has any."""
    senses = model.config.senses.items()
    found = {name: SENSES[name].prepare(settings, model.encoders[name]) for name, settings in senses}
    frozen = {name: part for name, part in found.items() if part}
    if not frozen:
        raise ValueError("cache: the model has no frozen layers whose work could be kept; set cache to 'none'")
    return frozen


class _File:
    """What one sense's frozen layers make of one store: float16 or float32 [num_rows, ...]."""

    def __init__(
        self, folder: Path, model: SensorimotorModel, store: Store, sense: str, frozen: Frozen, numbers: Numbers
    ) -> None:
        self.device, self.store, self.sense, self.frozen, self.numbers = model.device, store, sense, frozen, numbers
        self.dtype = np.dtype(STORED[numbers])
        self.path = folder / f"{sense}-{self._sum(model)}.npy"

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return (self.store.num_rows, *self._make(np.arange(1)).shape[1:])

    @property
    def num_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def write(self, shown: bool) -> None:
        """Whole, or not at all."""
        rows = np.arange(self.store.num_rows)
        bar = progress(len(rows), f"frozen layers of {self.sense}", unit="observations", shown=shown)
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": self.shape}
        with atomic_write(self.path) as temporary, temporary.open("wb") as file, bar:
            # Written, not mapped: on a full disk that is an error with a name, where a mapped file ends the process.
            np.lib.format.write_array_header_1_0(file, header)
            for some in np.split(rows, rows[ROWS_AT_ONCE::ROWS_AT_ONCE]):
                with np.errstate(over="ignore"):  # refused below, in our words
                    made = self._make(some).numpy(force=True).astype(self.dtype)
                if not np.isfinite(made).all():
                    raise ValueError(
                        f"cache: frozen layers of {self.sense} give numbers that {self.dtype} does not hold, rows"
                        f" {some[0]}..{some[-1]} of {self.store.path}; set cache to 'float32' or 'none'"
                    )
                file.write(made.tobytes())
                bar.update(len(some))

    def opened(self) -> np.ndarray:
        """Mapped, read-only."""
        try:
            found = np.load(self.path, mmap_mode="r", allow_pickle=False)
            if found.dtype != self.dtype or len(found) != self.store.num_rows:
                raise ValueError(f"{found.dtype} {list(found.shape)}")
        except (EOFError, ValueError) as error:
            raise ValueError(f"{self.path}: damaged ({error}); delete it, and it is computed again") from None
        return found

    @torch.no_grad()
    def _make(self, rows: np.ndarray) -> Tensor:
        data = self.store.read(rows, [self.sense])[self.sense].to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.numbers == "bfloat16"):
            return self.frozen.make(data).float()

    def _sum(self, model: SensorimotorModel) -> str:
        """Of all that the file depends on."""
        encoder = model.encoders[self.sense]
        found = hashlib.sha256(f"{identity(self.store.path)} {self.frozen.about} {self.numbers}".encode())
        weights = {name: p for name, p in encoder.named_parameters() if not p.requires_grad}
        for name, tensor in sorted((weights | dict(encoder.named_buffers())).items()):
            found.update(
                name.encode() + tensor.detach().contiguous().flatten().view(torch.uint8).numpy(force=True).tobytes()
            )
        return found.hexdigest()[:32]


@dataclass(frozen=True)
class Cached:
    """A store as a source of batches that bring ``kept`` beside the data: sense -> [num_rows, ...]."""

    store: Store
    kept: dict[str, np.ndarray]

    @property
    def object_ids(self) -> np.ndarray:
        return self.store.object_ids

    def load(self, states: np.ndarray, epoch: int) -> tuple[Transition, Targets]:
        transition, targets = self.store.load(states, epoch)
        views = self.store.num_branches + 1
        added = {}
        for sense, rows in self.kept.items():
            of_states = rows.reshape(-1, views, *rows.shape[1:])[np.asarray(states)]
            added[prepared_name(sense)] = torch.from_numpy(of_states)
        before = _with(transition.before, {name: x[:, 0] for name, x in added.items()}, 1)
        after = _with(transition.after, {name: x[:, 1:] for name, x in added.items()}, 2)
        return replace(transition, before=before, after=after), targets


def _with(senses: Senses, added: dict[str, Tensor], batch_dims: int) -> Senses:
    more = Senses.all_present(added, batch_dims)
    return Senses(senses.data | more.data, senses.present | more.present)
