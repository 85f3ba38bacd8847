"""What embeddings can be extracted from: rows of observations, read by ranges, whatever file they lie in.

A reader names what is broken and goes on: a row that cannot be read has its line in `Rows.failed`, a file that gives no
rows at all its line in `Source.faults`. Nothing is left out in silence.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

ENDS = 4096
"""Bytes from either end of a file that its fingerprint covers. Footers of Parquet and indices of video lie there."""
MAX_WORDS = 300
"""Characters of a line on a fault."""


@dataclass(frozen=True)
class Rows:
    """Observations of a range of rows.

    data    sense -> one array for each row, as `Sense.convert` takes it; None where that row has none.
    failed  row -> why it cannot be read, in one line; all its senses are None.
    """

    data: dict[str, list[np.ndarray | None]]
    failed: dict[int, str]


class Source(Protocol):
    """Rows 0 to ``num_rows`` - 1 of observations, in an order that is the same whenever it is opened.

    where      its folder or file, for messages
    senses     that it can give
    row_bytes  of one row of all its senses once decoded, about: how many rows are read at once is decided by it
    faults     what is broken and gives no rows, a line each
    report     what was found and what was chosen, a line each
    """

    where: str
    faults: tuple[str, ...]
    report: tuple[str, ...]

    @property
    def num_rows(self) -> int: ...
    @property
    def senses(self) -> tuple[str, ...]: ...
    @property
    def row_bytes(self) -> int: ...
    def fingerprint(self) -> str:
        """sha256 that differs where what is read differs."""
        ...

    def read(self, rows: range, senses: Sequence[str]) -> Rows:
        """Those ``senses`` of ``rows``. Memory is that of the rows."""
        ...

    def index(self, rows: range) -> Mapping[str, Sequence[Any] | np.ndarray]:
        """Column of the index -> value of each row: names, file names, numbers of episodes and frames."""
        ...


def read_each(rows: range, senses: Sequence[str], read: Callable[[int], Mapping[str, np.ndarray]]) -> Rows:
    """`Rows` of ``read``, which gives the senses of one row; what it raises is the reason of that row."""
    data: dict[str, list[np.ndarray | None]] = {name: [] for name in senses}
    failed = {}
    for row in rows:
        try:
            found = read(row)
        except Exception as error:  # decoders raise many kinds for damaged bytes
            found, failed[row] = {}, one_line(error)
        for name in senses:
            data[name].append(found.get(name))
    return Rows(data, failed)


def one_line(error: object) -> str:
    """The words of an error in one line of bounded length; its type where it has none."""
    return (" ".join(str(error).split()) or type(error).__name__)[:MAX_WORDS]


def fingerprint_of(root: Path, paths: Iterable[Path]) -> str:
    """sha256 over name, size and `ENDS` of each file: a file that was exchanged or cut differs, at any size of the
    whole; single bytes in the middle of a large file are not seen."""
    found = hashlib.sha256()
    for path in sorted(paths):
        size = path.stat().st_size if path.is_file() else -1
        found.update(f"{path.relative_to(root).as_posix()}\n{size}\n".encode())
        if size >= 0:
            with path.open("rb") as file:
                found.update(file.read(ENDS))
                file.seek(max(0, size - ENDS))
                found.update(file.read(ENDS))
    return found.hexdigest()


def inside(root: Path, relative: str) -> Path:
    """``root`` / ``relative``; ValueError where that leaves ``root``, by dots, an absolute path or a link."""
    path = root / relative
    if not path.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"the path {relative!r} leaves the folder {root}; it is not followed")
    return path
