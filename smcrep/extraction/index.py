"""The index of an extraction: one row an observation, that says where its embedding lies and what it is of."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from smcrep.data.readers.source import Source
from smcrep.data.shard import sidecar
from smcrep.extraction.manifest import FILE, EmbeddingManifest, sha256
from smcrep.extraction.shards import failed_rows
from smcrep.files import atomic_write, atomic_write_bytes

INDEX = "index.parquet"
FAILURES = "failures.parquet"
ROWS_AT_ONCE = 65_536


def write_index(manifest: EmbeddingManifest, source: Source, out: Path) -> None:
    """`INDEX` with columns row, shard, offset (row within the shard), those of the source (`Source.index`), and failed:
    why a row has no embedding, else null. `FAILURES` has those rows alone, and lines without a row for what the source
    lacks; it is not there where nothing failed. Memory is that of `ROWS_AT_ONCE` rows."""
    provenance = {"provenance": (out / FILE).read_text(encoding="utf-8")}
    _write_failures(manifest, source, out)
    path = out / INDEX
    sidecar(path).unlink(missing_ok=True)  # it comes last: an index without one was interrupted
    schema = _schema(manifest, source).with_metadata(provenance)
    with atomic_write(path) as file, pq.ParquetWriter(file, schema) as writer:
        for part in _parts(manifest, source, out):
            writer.write_table(_table(part, schema))
    note = {"rows": manifest.num_rows, "sha256": sha256(path)}
    atomic_write_bytes(sidecar(path), (json.dumps(note) + "\n").encode())


def _parts(manifest: EmbeddingManifest, source: Source, out: Path) -> Iterator[dict[str, Any]]:
    for shard_id in range(manifest.num_shards):
        failed, whole = failed_rows(shard_id, manifest, out), manifest.rows(shard_id)
        for start in range(whole.start, whole.stop, ROWS_AT_ONCE):
            part = range(start, min(start + ROWS_AT_ONCE, whole.stop))
            rows = np.arange(part.start, part.stop)
            columns: dict[str, Any] = {
                "row": rows,
                "shard": rows // manifest.rows_per_shard,
                "offset": rows % manifest.rows_per_shard,
            }
            yield columns | _of_source(source, part) | {"failed": [failed.get(row) for row in part]}


def _of_source(source: Source, part: range) -> dict[str, Any]:
    """The source's columns; none where its table is damaged there, which the rows' own lines say."""
    try:
        return dict(source.index(part))
    except ValueError:
        return {}


def _schema(manifest: EmbeddingManifest, source: Source) -> pa.Schema:
    """Of the index; the columns of the source are those of the first shard whose first row it can index."""
    firsts = (_of_source(source, manifest.rows(i)[:1]) for i in range(manifest.num_shards))
    found = next((columns for columns in firsts if columns), {})
    kinds = {name: pa.array(values).type for name, values in found.items()}
    own = [(name, pa.int64()) for name in ("row", "shard", "offset")]
    known = [(name, pa.string() if pa.types.is_null(kind) else kind) for name, kind in kinds.items()]
    return pa.schema([*own, *known, ("failed", pa.string())])


def _table(part: dict[str, Any], schema: pa.Schema) -> pa.Table:
    """A column that the part lacks is null."""
    num_rows = len(part["row"])
    columns = [
        pa.array(part[field.name], field.type) if field.name in part else pa.nulls(num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


FAILURE_SCHEMA = pa.schema([("row", pa.int64()), ("where", pa.string()), ("reason", pa.string())])


def _write_failures(manifest: EmbeddingManifest, source: Source, out: Path) -> None:
    path = out / FAILURES
    path.unlink(missing_ok=True)
    lines = [(None, source.where, words) for words in source.faults]
    if not lines and not any(failed_rows(i, manifest, out) for i in range(manifest.num_shards)):
        return
    with atomic_write(path) as file, pq.ParquetWriter(file, FAILURE_SCHEMA) as writer:
        writer.write_table(_failures(lines))
        for shard_id in range(manifest.num_shards):
            failed = failed_rows(shard_id, manifest, out)
            if failed:
                writer.write_table(_failures([(row, source.where, words) for row, words in failed.items()]))


def _failures(lines: Sequence[tuple[int | None, str, str]]) -> pa.Table:
    columns = zip(*lines, strict=True) if lines else ((), (), ())
    return pa.table([pa.array(list(c), f.type) for c, f in zip(columns, FAILURE_SCHEMA, strict=True)], FAILURE_SCHEMA)


def failures(out: Path) -> tuple[int, list[str]]:
    """(number of rows without an embedding, a line for each reason with how many rows it has, most first)."""
    path = out / FAILURES
    if not path.is_file():
        return 0, []
    counts: dict[str, int] = {}
    num_rows = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["row", "reason"]):
            for row, reason in zip(batch["row"].to_pylist(), batch["reason"].to_pylist(), strict=True):
                num_rows += row is not None
                counts[reason] = counts.get(reason, 0) + (row is not None)
    ranked = sorted(counts.items(), key=lambda entry: -entry[1])
    return num_rows, [f"{count} rows: {words}" if count else words for words, count in ranked]


def index_fault(out: Path) -> str | None:
    """What is wrong with the index, in words; None where every byte is the one that was written."""
    path = out / INDEX
    if not path.is_file():
        return "missing"
    try:
        written = json.loads(sidecar(path).read_text())["sha256"]
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return f"has no {sidecar(path).name} with its checksum beside it (interrupted?)"
    return None if sha256(path) == written else "is corrupt (sha256 differs)"
