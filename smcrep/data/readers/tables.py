"""Parquet files as one long table, read by ranges of rows; one row group lies in memory at a time."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from smcrep.data.readers.source import one_line

MAX_GROUP_BYTES = 2 << 30
"""Unpacked, of the row groups' columns that are read: a file of some bytes may declare any size."""


@dataclass(frozen=True)
class RowGroup:
    path: Path
    number: int
    start: int  # first row in the whole table
    length: int


class Tables:
    """The row groups of those ``paths`` whose footer can be read, in order; of the others ``faults`` has a line each.
    A file without rows is named too."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths: list[Path] = []
        self.names: list[str] = []
        self.groups: list[RowGroup] = []
        faults, total = [], 0
        for path in paths:
            try:
                with pq.ParquetFile(path) as file:
                    lengths = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
                    names = file.schema_arrow.names
            except (pa.ArrowException, OSError, ValueError) as error:
                faults.append(f"{path}: not a whole Parquet file ({one_line(error)}); copy it again")
                continue
            if not sum(lengths):
                faults.append(f"{path}: no rows in it; leave it out")
                continue
            self.paths.append(path)
            self.names += [name for name in names if name not in self.names]
            for number, length in enumerate(lengths):
                if length:
                    self.groups.append(RowGroup(path, number, total, length))
                    total += length
        self.num_rows, self.faults = total, tuple(faults)
        self._starts = [group.start for group in self.groups]
        self._held: tuple[RowGroup, tuple[str, ...], pa.Table] | None = None

    def group_of(self, row: int) -> RowGroup:
        return self.groups[bisect_right(self._starts, row) - 1]

    def read(self, rows: range, columns: Sequence[str]) -> pa.Table:
        """``columns`` of ``rows``; ValueError that names the file where it is damaged, or has no such column."""
        parts, row = [], rows.start
        while row < rows.stop:
            group = self.group_of(row)
            stop = min(rows.stop, group.start + group.length)
            parts.append(self._group(group, tuple(columns)).slice(row - group.start, stop - row))
            row = stop
        return pa.concat_tables(parts, promote_options="permissive")

    def _group(self, group: RowGroup, columns: tuple[str, ...]) -> pa.Table:
        if self._held is None or self._held[:2] != (group, columns):
            try:
                with pq.ParquetFile(group.path) as file:
                    size = _unpacked_bytes(file, group.number, columns)
                    if size > MAX_GROUP_BYTES:
                        raise ValueError(f"row group {group.number} unpacks to {size} bytes, limit {MAX_GROUP_BYTES}")
                    missing = [name for name in columns if name not in file.schema_arrow.names]
                    if missing:
                        raise ValueError(f"no column {missing[0]!r}, it has {', '.join(file.schema_arrow.names)}")
                    table = file.read_row_group(group.number, columns=list(columns))
            except (pa.ArrowException, OSError, ValueError) as error:
                raise ValueError(f"{group.path}: {one_line(error)}") from None
            self._held = group, columns, table
        return self._held[2]


def _unpacked_bytes(file: pq.ParquetFile, group: int, columns: tuple[str, ...]) -> int:
    found = file.metadata.row_group(group)
    parts = (found.column(i) for i in range(found.num_columns))
    return sum(part.total_uncompressed_size for part in parts if _is_of(part.path_in_schema, columns))


def _is_of(path: str, columns: tuple[str, ...]) -> bool:
    return any(path == name or path.startswith(f"{name}.") for name in columns)
