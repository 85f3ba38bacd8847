"""Episodes in zarr arrays, as diffusion policies store them: ``data/NAME`` [rows, ...] and ``meta/episode_ends``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from smcrep.data.readers.source import Rows, fingerprint_of, one_line, read_each
from smcrep.data.readers.table_rows import found_columns
from smcrep.data.readers.values import IMAGES, checked

MAX_VECTOR = 64
"""Numbers of a row of an array that is looked through for NaN beside the senses: states and actions, not pictures."""


class ZarrEpisodes:
    """Rows of all episodes, one after the other. ``columns``: sense -> array below ``data``, else found by the names of
    `table_rows.USUAL`. A row with a state or action that is not finite is a failed row.

    A chunk of the arrays is read at once; the last one of each array is kept.
    """

    def __init__(self, path: str | Path, columns: Mapping[str, str] | None = None) -> None:
        import zarr  # an extra

        self.root = Path(path)
        self.where = str(path)
        try:
            group = zarr.open_group(str(path), mode="r")
            arrays: dict[str, Any] = {name: group[f"data/{name}"] for name in sorted(group["data"].keys())}  # type: ignore[union-attr]
            self.ends = np.asarray(group["meta/episode_ends"][:]).astype(np.int64)  # type: ignore[index]
        except Exception as error:  # zarr raises many kinds for what is none
            raise ValueError(
                f"{path}: not zarr episodes ({one_line(error)}); expected arrays data/NAME and meta/episode_ends"
            ) from None
        self.columns = dict(columns or found_columns(list(arrays)))
        for sense, name in self.columns.items():
            if name not in arrays:
                raise ValueError(f"{path}: no array data/{name} for {sense!r}; it has {', '.join(arrays)}")
        if not self.columns:
            raise ValueError(f"{path}: no array is known as a sense among {', '.join(arrays)}; name one, SENSE=ARRAY")
        shapes = {name: array.shape for name, array in arrays.items()}
        self.num_rows = min(shape[0] for shape in shapes.values() if shape)
        self.faults = tuple(self._faults(shapes))
        self.arrays = arrays
        self.vectors = [n for n, a in arrays.items() if a.dtype.kind == "f" and np.prod(a.shape[1:]) <= MAX_VECTOR]
        self._held: dict[str, tuple[int, np.ndarray | str]] = {}
        self.of_255 = {name for sense, name in self.columns.items() if sense in IMAGES and self._goes_beyond_1(name)}
        named = ", ".join(f"{sense} is data/{name}" for sense, name in self.columns.items())
        self.report = (f"{path}: {self.num_rows} rows in {len(self.ends)} episodes; {named}",)

    def _faults(self, shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
        found = [
            f"{self.root}: data/{name} has {shape[0]} rows, others {self.num_rows}; the rest is left out"
            for name, shape in shapes.items()
            if shape and shape[0] != self.num_rows
        ]
        lengths = np.diff(self.ends, prepend=0)
        found += [
            f"{self.root}: episode {i} has {lengths[i]} frames; leave it out" for i in np.flatnonzero(lengths < 1)
        ]
        last = int(self.ends[-1]) if len(self.ends) else 0
        if last != self.num_rows:
            found.append(f"{self.root}: meta/episode_ends ends at row {last}, the arrays at {self.num_rows}")
        return found

    @property
    def senses(self) -> tuple[str, ...]:
        return tuple(self.columns)

    @property
    def row_bytes(self) -> int:
        arrays = (self.arrays[name] for name in self.columns.values())
        return sum(int(np.prod(a.shape[1:])) * a.dtype.itemsize for a in arrays)

    def fingerprint(self) -> str:
        return fingerprint_of(self.root, (p for p in self.root.rglob("*") if p.is_file()))

    def read(self, rows: range, senses: Sequence[str]) -> Rows:
        def one(row: int) -> dict[str, np.ndarray]:
            for name in self.vectors:
                if not np.isfinite(self._row(name, row)).all():
                    raise ValueError(f"data/{name} is not finite in row {row}")
            return {sense: self._sense(sense, row) for sense in senses}

        return read_each(rows, senses, one)

    def _sense(self, sense: str, row: int) -> np.ndarray:
        name = self.columns[sense]
        array = self._row(name, row)
        if name not in self.of_255:
            return checked(sense, array)
        if not (array.min() >= 0 and array.max() <= 255):  # NaN too
            raise ValueError(f"data/{name} goes from {array.min():.3g} to {array.max():.3g} in row {row}, not 0 to 255")
        return np.rint(array).astype(np.uint8)

    def _goes_beyond_1(self, name: str) -> bool:
        """Whether floating-point pictures have the range 0 to 255: a dark one alone does not say."""
        if self.arrays[name].dtype.kind != "f":
            return False
        for row in (0, self.num_rows // 2, self.num_rows - 1):
            try:
                self._row(name, row)
            except ValueError:
                continue
            if np.nanmax(self._held[name][1]) > 1:  # type: ignore[arg-type]
                return True
        return False

    def _row(self, name: str, row: int) -> np.ndarray:
        """The row of an array. A chunk that cannot be read is not tried again for its other rows."""
        array = self.arrays[name]
        chunk, offset = divmod(row, array.chunks[0])
        if self._held.get(name, (-1, ""))[0] != chunk:
            try:
                self._held[name] = chunk, np.asarray(array[chunk * array.chunks[0] : (chunk + 1) * array.chunks[0]])
            except Exception as error:  # codecs raise many kinds for damaged bytes
                self._held[name] = chunk, f"data/{name}: chunk {chunk} cannot be read ({one_line(error)})"
        held = self._held[name][1]
        if isinstance(held, str):
            raise ValueError(held)
        return held[offset]

    def index(self, rows: range) -> dict[str, np.ndarray]:
        """episode_index and frame_index."""
        number = np.arange(rows.start, rows.stop)
        episode = np.searchsorted(self.ends, number, side="right")
        starts = np.concatenate([[0], self.ends])
        return {"episode_index": episode, "frame_index": number - starts[np.minimum(episode, len(self.ends))]}
