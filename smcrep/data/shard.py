"""One shard: an Arrow file of fixed-size binary columns that is written whole or not at all, and mapped, not loaded.

Beside ``shard-00000.arrow`` lies ``shard-00000.json`` with its rows, bytes and sha256. Size and schema are checked at
every open (cheap); the checksum in `verify_shard` (reads the whole file).
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from smcrep.data.schema import Schema
from smcrep.files import atomic_write_bytes

SHARD_BYTES = 64 << 20
"""Of one shard, at most, where one state is not larger: it is made in memory."""
REMEDY = "delete it and generate the store again (whole shards are kept)"


def sidecar(path: Path) -> Path:
    return path.with_suffix(".json")


def states_per_shard(schema: Schema, num_branches: int) -> int:
    """As many states as fit into `SHARD_BYTES`, at least one."""
    row = sum(column.num_bytes for column in schema.columns.values())
    return max(1, SHARD_BYTES // (row * (num_branches + 1)))


def write_shard(path: str | Path, schema: Schema, rows: Mapping[str, np.ndarray]) -> None:
    """Write ``rows`` (name -> [r, *shape]) as one shard. The same rows give the same bytes.

    Raises ValueError where a column is missing, unknown, not finite, or of another shape or dtype than the schema's.
    """
    path = Path(path)
    num_rows = schema.check(rows, str(path))
    if num_rows == 0:
        raise ValueError(f"{path}: no rows to write; a shard holds at least one state")
    arrays = []
    for name, column in schema.columns.items():
        data = pa.py_buffer(np.ascontiguousarray(rows[name]))
        kind = pa.int64() if column.is_plain else pa.binary(column.num_bytes)
        arrays.append(pa.Array.from_buffers(kind, num_rows, [None, data]))
    batch = pa.RecordBatch.from_arrays(arrays, schema=_arrow(schema))

    path.parent.mkdir(parents=True, exist_ok=True)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    content = sink.getvalue()
    note = {"rows": num_rows, "bytes": content.size, "sha256": hashlib.sha256(content).hexdigest()}
    # The sidecar goes first and comes last: a shard without one was interrupted.
    sidecar(path).unlink(missing_ok=True)
    atomic_write_bytes(path, memoryview(content))  # type: ignore[arg-type]
    atomic_write_bytes(sidecar(path), (json.dumps(note) + "\n").encode())


def is_complete(path: str | Path) -> bool:
    """Whether the shard was written to its end; one that is damaged or interrupted is to be written again."""
    try:
        read_sidecar(Path(path))
    except ValueError:
        return False
    return True


def read_sidecar(path: Path) -> dict[str, Any]:
    """The note beside a shard, after the file was found to have the size it says."""
    if not path.is_file():
        raise ValueError(f"{path}: shard is missing; generate the store again (whole shards are kept)")
    try:
        note = json.loads(sidecar(path).read_text())
        rows, size, _ = int(note["rows"]), int(note["bytes"]), str(note["sha256"])
    except FileNotFoundError:
        raise ValueError(f"{path}: shard without {sidecar(path).name}, writing was interrupted; {REMEDY}") from None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise ValueError(f"{sidecar(path)}: not the note of a shard; delete it and generate the store again") from None
    found = path.stat().st_size
    if found != size or rows < 1:
        raise ValueError(f"{path}: shard has {found} bytes, {size} were written (truncated?); {REMEDY}")
    return note


def open_shard(path: str | Path, schema: Schema) -> dict[str, np.ndarray]:
    """Read-only arrays [r, *shape] that view the mapped file: nothing is read before it is indexed."""
    path = Path(path)
    note = read_sidecar(path)
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
            metadata = reader.schema.metadata or {}
            found = Schema.from_json(json.loads(metadata.get(b"smcrep", b"{}")), str(path))
            if found != schema:
                odd = sorted(
                    n for n in {*found.columns, *schema.columns} if found.columns.get(n) != schema.columns.get(n)
                )
                raise ValueError(f"{path}: columns {odd} differ from the store's manifest; {REMEDY}")
            if not reader.schema.equals(_arrow(schema)):
                raise ValueError(f"{path}: Arrow columns differ from the schema beside them; {REMEDY}")
            batch = reader.read_next_batch()
            batch.validate()
    except (
        pa.ArrowException,
        OSError,
        StopIteration,
        json.JSONDecodeError,
        UnicodeDecodeError,
        RecursionError,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path}: not a readable shard ({reason}); {REMEDY}") from None
    if batch.num_rows != note["rows"]:
        raise ValueError(f"{path}: shard has {batch.num_rows} rows, {note['rows']} were written; {REMEDY}")
    return {name: _view(batch.column(name), schema, name, path) for name in schema.columns}


def verify_shard(path: str | Path, schema: Schema) -> None:
    """ValueError unless every bit of the shard is the one that was written."""
    path = Path(path)
    note = read_sidecar(path)
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != note["sha256"]:
        raise ValueError(f"{path}: sha256 {found[:12]} instead of {note['sha256'][:12]}, the file is corrupt; {REMEDY}")
    open_shard(path, schema)


def _arrow(schema: Schema) -> pa.Schema:
    kinds = [(n, pa.int64() if c.is_plain else pa.binary(c.num_bytes)) for n, c in schema.columns.items()]
    return pa.schema(kinds, metadata=schema.metadata())


def _view(array: pa.Array, schema: Schema, name: str, path: Path) -> np.ndarray:
    column, data = schema.columns[name], array.buffers()[1]
    if array.null_count or array.offset or data is None or data.size < len(array) * column.num_bytes:
        raise ValueError(f"{path}: column {name!r} is damaged; {REMEDY}")
    count = len(array) * column.num_bytes // np.dtype(column.dtype).itemsize
    return np.frombuffer(data, column.dtype, count).reshape(len(array), *column.shape)
