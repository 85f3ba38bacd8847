"""One shard of embeddings: a pure function of the manifest, written whole or not at all."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from smcrep.data.readers.source import Rows, Source, one_line
from smcrep.extraction.manifest import EmbeddingManifest
from smcrep.extraction.output import OF_SENSES, Output, embedded, nothing
from smcrep.files import atomic_write
from smcrep.hub import Transform
from smcrep.models.model import SensorimotorModel

CHUNK = 256
"""Observations embedded at once."""
CHUNK_BYTES = 64 << 20
"""Of decoded observations at once: fewer than `CHUNK` of large pictures."""
WIDTHS = {"float32": "F32", "float16": "F16"}
"""What safetensors calls them."""


def row_bytes(tensors: Mapping[str, Tensor]) -> int:
    """Bytes of one row of a shard."""
    return sum(x[0].numel() * x.element_size() for x in tensors.values())


def embed_rows(
    model: SensorimotorModel, source: Source, rows: range, senses: Sequence[str], output: Output
) -> tuple[dict[str, Tensor], dict[int, str]]:
    """Tensors of one shard: each of ``output`` [r, ...], "present" [r, m], "row" [r]; and row -> why it has no
    embedding (its numbers are zeros, and no sense is present)."""
    found, failed = list[dict[str, Tensor]](), dict[int, str]()
    step = max(1, min(CHUNK, CHUNK_BYTES // max(1, source.row_bytes)))
    for start in range(rows.start, rows.stop, step):  # memory does not grow with a shard
        part = range(start, min(start + step, rows.stop))
        read = source.read(part, senses)
        failed |= read.failed
        found.append(_embed(model, read, part, output, failed))
    index = torch.arange(rows.start, rows.stop)
    return {name: torch.cat([part[name] for part in found]) for name in found[0]} | {"row": index}, failed


def _embed(
    model: SensorimotorModel, read: Rows, rows: range, output: Output, failed: dict[int, str]
) -> dict[str, Tensor]:
    """The tensors of ``rows``; rows of the same senses and shapes are embedded together. Adds to ``failed``."""
    groups: dict[tuple, list[int]] = {}
    for at, row in enumerate(rows):
        held = {name: values[at] for name, values in read.data.items() if values[at] is not None}
        key = tuple((name, x.shape, x.dtype) for name, x in held.items())  # type: ignore[union-attr]
        if not key:
            failed.setdefault(row, "it holds no sense of the model")
        groups.setdefault(key, []).append(at)
    parts = [
        part
        for key, places in groups.items()
        if key
        for part in _halved(model, read, rows, [name for name, _, _ in key], places, output, failed)
    ]
    if len(parts) == 1 and len(parts[0][0]) == len(rows):
        return parts[0][1]
    whole = nothing(model, output, len(rows))
    for places, tensors in parts:
        for name, x in tensors.items():
            whole[name][places] = x
    return whole


def _halved(
    model: SensorimotorModel,
    read: Rows,
    rows: range,
    names: list[str],
    places: list[int],
    output: Output,
    failed: dict[int, str],
) -> Iterator[tuple[list[int], dict[str, Tensor]]]:
    """Embeds the rows at ``places`` together; where one of them is refused, in halves, until it stands alone."""
    given = {name: np.stack([read.data[name][at] for at in places]) for name in names}  # type: ignore[arg-type]
    try:
        yield places, embedded(model, Transform(model.config.names)(given), output)
    except ValueError as error:
        if len(places) == 1:
            failed[rows[places[0]]] = one_line(error)
            return
        middle = len(places) // 2
        yield from _halved(model, read, rows, names, places[:middle], output, failed)
        yield from _halved(model, read, rows, names, places[middle:], output, failed)


def run_shard(shard_id: int, manifest: EmbeddingManifest, model: SensorimotorModel, source: Source, out: Path) -> None:
    """Embeds the rows of one shard. The file appears under its name only when it is complete."""
    senses = manifest.transform.get("senses", manifest.senses)
    tensors, failed = embed_rows(model, source, manifest.rows(shard_id), senses, manifest.output)
    write_shard(shard_id, manifest, tensors, failed, out)


def write_shard(
    shard_id: int, manifest: EmbeddingManifest, tensors: dict[str, Tensor], failed: Mapping[int, str], out: Path
) -> None:
    """The file of a shard, with the sums of its model and source, its failed rows, and a checksum of it all."""
    note: dict[str, Any] = {"model_sha256": manifest.model_sha256, "store_sha256": manifest.store_sha256}
    lines = {str(row): failed[row] for row in sorted(failed)}
    note |= {"failed": lines, "sha256": _digest(tensors, lines)}
    with atomic_write(manifest.shard(out, shard_id)) as file:
        save_file(tensors, file, metadata={"manifest": json.dumps(note)})


def _digest(tensors: Mapping[str, Tensor], failed: Mapping[str, str]) -> str:
    """sha256 over names and bytes, and the rows that failed."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(name.encode())
        found.update(tensors[name].contiguous().numpy().data)
    if failed:
        found.update(json.dumps(failed, sort_keys=True).encode())
    return found.hexdigest()


def fault(shard_id: int, manifest: EmbeddingManifest, out: Path) -> str | None:
    """What is wrong with a shard, in words; None where every bit of it is as it was written. A missing shard is one."""
    path = manifest.shard(out, shard_id)
    if not path.exists():
        return "missing"
    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            wanted = {*manifest.names, "present", "row"}
            if names != wanted:
                return f"holds {sorted(names)}, expected {sorted(wanted)}"
            if words := _wrong_shape(file, manifest, len(manifest.rows(shard_id))):
                return words
            source = json.loads((file.metadata() or {}).get("manifest", "{}"))
            if not isinstance(source, dict) or source.get("model_sha256") != manifest.model_sha256:
                return "was made by another model"
            if source.get("store_sha256") != manifest.store_sha256:
                return "was made from another store"
            if file.get_tensor("row").tolist() != list(manifest.rows(shard_id)):
                return "holds other rows"
            failed = source.get("failed", {})
            if source.get("sha256") != _digest({name: file.get_tensor(name) for name in names}, failed):
                return "is corrupt (sha256 differs)"
    except (SafetensorError, OSError, ValueError, TypeError, RecursionError) as error:
        return f"cannot be read ({' '.join(str(error).split())})"
    return None


def _wrong_shape(file, manifest: EmbeddingManifest, rows: int) -> str | None:
    for name in (*manifest.names, "present", "row"):
        shape = file.get_slice(name).get_shape()
        width = manifest.width(name) if name in manifest.names else len(manifest.senses)
        wrong = shape[1:] != ([] if name == "row" else [width]) and width is not None
        if shape[:1] != [rows] or wrong:
            return f"{name} has shape {shape}"
        if name in manifest.names and name not in OF_SENSES:
            dtype = file.get_slice(name).get_dtype()
            if dtype != WIDTHS[manifest.dtype]:
                return f"{name} is of {dtype}, not {manifest.dtype}"
    return None


def failed_rows(shard_id: int, manifest: EmbeddingManifest, out: Path) -> dict[int, str]:
    """Row -> why it has no embedding, of a shard that is whole."""
    with safe_open(manifest.shard(out, shard_id), framework="pt") as file:
        note = json.loads((file.metadata() or {}).get("manifest", "{}"))
    return {int(row): str(words) for row, words in note.get("failed", {}).items()}


def load_embeddings(out: Path, manifest: EmbeddingManifest) -> dict[str, Tensor]:
    """All shards joined, in the order of the source's rows. ValueError names the first that is not whole."""
    joined: dict[str, list[Tensor]] = {}
    for shard_id in range(manifest.num_shards):
        if words := fault(shard_id, manifest, out):
            raise ValueError(f"{manifest.shard(out, shard_id)}: {words}; run the extraction again to remake it")
        for name, x in read_shard(shard_id, manifest, out, (*manifest.names, "present", "row")).items():
            joined.setdefault(name, []).append(x)
    return {name: torch.cat(parts) for name, parts in joined.items()}


def read_shard(shard_id: int, manifest: EmbeddingManifest, out: Path, names: Sequence[str]) -> dict[str, Tensor]:
    """Those tensors of a shard, unchecked (`fault` does)."""
    with safe_open(manifest.shard(out, shard_id), framework="pt") as file:
        return {name: file.get_tensor(name) for name in names}
