"""One shard of embeddings: a pure function of the manifest, written whole or not at all."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from smcrep.data.store import Store
from smcrep.extraction.manifest import EmbeddingManifest
from smcrep.files import atomic_write
from smcrep.models.model import SensorimotorModel

CHUNK = 256
"""Observations embedded at once."""
OF_SENSES = ("weight", "precision", "p_value")
"""float32 [r, m] of a shard."""


def row_bytes(embed_dim: int, num_senses: int) -> int:
    """Bytes of one row of a shard: float32 embeddings of every sense and fused, what there is of each sense (weight,
    precision, p-value, presence), int64 row."""
    return 4 * embed_dim * (num_senses + 1) + (4 * len(OF_SENSES) + 1) * num_senses + 8


def embed_rows(model: SensorimotorModel, store: Store, rows: range) -> dict[str, Tensor]:
    """Tensors of one shard: "fused" [r, d], each sense [r, d]; "weight", "precision", "p_value" and "present" [r, m];
    "row" [r]."""
    index, found = torch.arange(rows.start, rows.stop), list[dict[str, Tensor]]()
    for some in index.split(CHUNK):  # read and embedded while they lie in the cache; memory does not grow with a shard
        sensed = store.read(some.numpy(), model.config.names)
        embedding = model.embed(sensed, chunk=CHUNK)
        found.append({"fused": embedding.fused, **embedding.senses})
        found[-1] |= {name: getattr(embedding, name) for name in (*OF_SENSES, "present")}
    return {name: torch.cat([part[name].cpu() for part in found]) for name in found[0]} | {"row": index}


def run_shard(shard_id: int, manifest: EmbeddingManifest, model: SensorimotorModel, store: Store, out: Path) -> None:
    """Embeds the rows of one shard. The file appears under its name only when it is complete."""
    tensors = embed_rows(model, store, manifest.rows(shard_id))
    source = {"model_sha256": manifest.model_sha256, "store_sha256": manifest.store_sha256}
    with atomic_write(manifest.shard(out, shard_id)) as file:
        save_file(tensors, file, metadata={"manifest": json.dumps(source | {"sha256": _digest(tensors)})})


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """sha256 over names and bytes."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(name.encode())
        found.update(tensors[name].numpy().data)
    return found.hexdigest()


def fault(shard_id: int, manifest: EmbeddingManifest, out: Path) -> str | None:
    """What is wrong with a shard, in words; None where every bit of it is as it was written. A missing shard is one."""
    path = manifest.shard(out, shard_id)
    if not path.exists():
        return "missing"
    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            wanted = {"fused", *OF_SENSES, "present", "row", *manifest.senses}
            if names != wanted:
                return f"holds {sorted(names)}, expected {sorted(wanted)}"
            rows = len(manifest.rows(shard_id))
            widths = {"fused": [manifest.embed_dim], "row": [], **dict.fromkeys((*OF_SENSES, "present"))}
            for name, width in widths.items():
                shape = file.get_slice(name).get_shape()
                if shape[:1] != [rows] or (width is not None and shape[1:] != width):
                    return f"{name} has shape {shape}"
            source = json.loads((file.metadata() or {}).get("manifest", "{}"))
            if not isinstance(source, dict) or source.get("model_sha256") != manifest.model_sha256:
                return "was made by another model"
            if source.get("store_sha256") != manifest.store_sha256:
                return "was made from another store"
            if file.get_tensor("row").tolist() != list(manifest.rows(shard_id)):
                return "holds other rows"
            if source.get("sha256") != _digest({name: file.get_tensor(name) for name in names}):
                return "is corrupt (sha256 differs)"
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        return f"cannot be read ({' '.join(str(error).split())})"
    return None


def load_embeddings(out: Path, manifest: EmbeddingManifest) -> dict[str, Tensor]:
    """All shards joined, in the order of the store's rows. ValueError names the first that is not whole."""
    joined: dict[str, list[Tensor]] = {}
    for shard_id in range(manifest.num_shards):
        if words := fault(shard_id, manifest, out):
            raise ValueError(f"{manifest.shard(out, shard_id)}: {words}; run the extraction again to remake it")
        with safe_open(manifest.shard(out, shard_id), framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (safe_open is no dictionary)
                joined.setdefault(name, []).append(file.get_tensor(name))
    return {name: torch.cat(parts) for name, parts in joined.items()}
