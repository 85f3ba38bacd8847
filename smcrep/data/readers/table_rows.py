"""Parquet files with a column for each sense, as a source of observations."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from smcrep.data.readers.source import Rows, fingerprint_of, one_line, read_each
from smcrep.data.readers.tables import Tables
from smcrep.data.readers.values import is_plain, sense_value

USUAL = {"rgb": ("image", "img", "rgb"), "points": ("points", "point_cloud"), "depth": ("depth",), "mask": ("mask",)}
"""Names of columns by which senses are found where the caller names none."""


class TableRows:
    """A Parquet file, or all below a folder in alphabetic order. ``columns``: sense -> column, else found by `USUAL`.

    Pictures are encoded images (bytes, or Hugging Face's struct), clouds and depth nested lists of numbers. Columns of
    numbers and texts come into the index.
    """

    def __init__(self, path: str | Path, columns: Mapping[str, str] | None = None) -> None:
        path = Path(path)
        if not path.exists():
            raise ValueError(f"{path}: no such Parquet file or folder; check the path")
        self.where = str(path)
        self.root = path if path.is_dir() else path.parent
        self.tables = Tables(sorted(path.rglob("*.parquet")) if path.is_dir() else [path])
        self.faults = self.tables.faults
        if not self.tables.num_rows:
            raise ValueError(self.faults[0] if self.faults else f"{path}: no Parquet files in it")
        with pq.ParquetFile(self.tables.paths[0]) as file:
            schema = file.schema_arrow
        self.columns = dict(columns or found_columns(schema.names))
        for sense, column in self.columns.items():
            if column not in schema.names:
                raise ValueError(f"{path}: no column {column!r} for {sense!r}; it has {', '.join(schema.names)}")
        if not self.columns:
            raise ValueError(
                f"{path}: no column is known as a sense among {', '.join(schema.names)}; name one, SENSE=COLUMN"
            )
        taken = set(self.columns.values())
        self.plain = tuple(field.name for field in schema if is_plain(field.type) and field.name not in taken)
        named = ", ".join(f"{sense} is {column}" for sense, column in self.columns.items())
        self.report = (f"{path}: {self.num_rows} rows of {len(self.tables.paths)} files; {named}",)

    @property
    def num_rows(self) -> int:
        return self.tables.num_rows

    @property
    def senses(self) -> tuple[str, ...]:
        return tuple(self.columns)

    @property
    def row_bytes(self) -> int:
        return 1 << 20

    def fingerprint(self) -> str:
        return fingerprint_of(self.root, self.tables.paths)

    def read(self, rows: range, senses: Sequence[str]) -> Rows:
        return read_cells(self.tables, rows, {name: self.columns[name] for name in senses}, self.root)

    def index(self, rows: range) -> dict[str, list[Any]]:
        return {name: values.to_pylist() for name, values in columns_of(self.tables, rows, self.plain).items()}


def read_cells(tables: Tables, rows: range, columns: Mapping[str, str], folder: Path) -> Rows:
    """Sense -> the cells of its column. A row group that is damaged fails all its rows, and no others."""
    found: dict[str, pa.ChunkedArray] = {}
    start = rows.start

    def one(row: int) -> dict[str, np.ndarray]:
        return {name: sense_value(name, found[name][row - start].as_py(), folder) for name in columns}

    data: dict[str, list[np.ndarray | None]] = {name: [] for name in columns}
    failed: dict[int, str] = {}
    while start < rows.stop:
        group = tables.group_of(start)
        part = range(start, min(rows.stop, group.start + group.length))
        try:
            found = columns_of(tables, part, tuple(columns.values()))
            found = {name: found[column] for name, column in columns.items()}
            done = read_each(part, tuple(columns), one)
        except ValueError as error:
            done = Rows({name: [None] * len(part) for name in columns}, dict.fromkeys(part, one_line(error)))
        for name in columns:
            data[name] += done.data[name]
        failed |= done.failed
        start = part.stop
    return Rows(data, failed)


def columns_of(tables: Tables, rows: range, columns: Sequence[str]) -> dict[str, pa.ChunkedArray]:
    """Column -> its values of ``rows``."""
    if not columns:
        return {}
    table = tables.read(rows, columns)
    return {name: table.column(name) for name in columns}


def found_columns(names: Sequence[str]) -> dict[str, str]:
    """Sense -> the first of its `USUAL` names among ``names``."""
    found = {sense: next((name for name in usual if name in names), None) for sense, usual in USUAL.items()}
    return {sense: name for sense, name in found.items() if name}
