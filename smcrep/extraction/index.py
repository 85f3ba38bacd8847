"""The index of an extraction: one row an observation, that says where its embedding lies and what it is of."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from smcrep.data.shard import sidecar
from smcrep.data.store import Store
from smcrep.extraction.manifest import FILE, EmbeddingManifest, sha256
from smcrep.files import atomic_write, atomic_write_bytes

INDEX = "index.parquet"
IDS = ("state_id", "object_id", "class_id", "environment_id")


def write_index(manifest: EmbeddingManifest, store: Store, out: Path) -> None:
    """Columns: row, shard, offset (row within the shard), branch, object (its name), class (its family's name), the ids
    of the store, and in a store of pictures file, the picture's path below its folder."""
    rows = np.arange(manifest.num_rows)
    columns = {name: tensor.numpy() for name, tensor in store.read(rows, list(IDS)).items()}
    known = {entry.object_id: entry for entry in store.objects}
    objects = [known[int(i)] for i in columns["object_id"]]
    columns |= {
        "row": rows,
        "shard": rows // manifest.rows_per_shard,
        "offset": rows % manifest.rows_per_shard,
        "branch": rows % (store.num_branches + 1),
        "object": [entry.name for entry in objects],
        "class": [entry.family for entry in objects],
    }
    if "augmentation" in store.schema.columns:
        columns["file"] = columns["object"]
    table = pa.table(columns)
    table = table.replace_schema_metadata({"provenance": (out / FILE).read_text(encoding="utf-8")})
    path = out / INDEX
    sidecar(path).unlink(missing_ok=True)  # it comes last: an index without one was interrupted
    with atomic_write(path) as file:
        pq.write_table(table, file)
    note = {"rows": manifest.num_rows, "sha256": sha256(path)}
    atomic_write_bytes(sidecar(path), (json.dumps(note) + "\n").encode())


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
