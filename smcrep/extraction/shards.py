"""One shard of embeddings: a pure function of the manifest, written whole or not at all."""

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from smcrep.data.store import Store
from smcrep.extraction.manifest import Manifest
from smcrep.models.model import SensorimotorModel


def embed_rows(model: SensorimotorModel, store: Store, rows: range) -> dict[str, Tensor]:
    """Tensors of one shard: "fused" [r, d], each sense [r, d], "weight" [r, m], "present" [r, m], "row" [r]."""
    index = torch.arange(rows.start, rows.stop)
    sensed = store.read(index.numpy(), list(model.config.senses))
    embedding = model.embed(rgb=sensed.get("rgb"), points=sensed.get("points"))
    tensors = {"fused": embedding.fused, **embedding.senses, "weight": embedding.weight, "present": embedding.present}
    return {name: t.contiguous().cpu() for name, t in tensors.items()} | {"row": index}


def run_shard(shard_id: int, manifest: Manifest, model: SensorimotorModel, store: Store, out: Path) -> Path:
    """Embeds the rows of one shard. The file appears under its name only when it is complete."""
    path = manifest.shard(out, shard_id)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    provenance = {
        "manifest": json.dumps({"model_sha256": manifest.model_sha256, "store_sha256": manifest.store_sha256})
    }
    save_file(embed_rows(model, store, manifest.rows(shard_id)), temporary, metadata=provenance)
    os.replace(temporary, path)
    return path


def fault(shard_id: int, manifest: Manifest, out: Path) -> str | None:
    """What is wrong with a shard, in words; None where it is whole. A missing shard is a fault."""
    path = manifest.shard(out, shard_id)
    if not path.exists():
        return "missing"
    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            wanted = {"fused", "weight", "present", "row", *manifest.senses}
            if names != wanted:
                return f"holds {sorted(names)}, expected {sorted(wanted)}"
            rows = len(manifest.rows(shard_id))
            for name, width in {"fused": [manifest.embed_dim], "row": [], "weight": None, "present": None}.items():
                shape = file.get_slice(name).get_shape()
                if shape[:1] != [rows] or (width is not None and shape[1:] != width):
                    return f"{name} has shape {shape}"
            source = json.loads((file.metadata() or {}).get("manifest", "{}"))
            if not isinstance(source, dict) or source.get("model_sha256") != manifest.model_sha256:
                return "was made by another model"
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        return f"cannot be read ({' '.join(str(error).split())})"
    return None


def load_embeddings(out: Path, manifest: Manifest) -> dict[str, Tensor]:
    """All shards joined, in the order of the store's rows. ValueError names the first that is not whole."""
    joined: dict[str, list[Tensor]] = {}
    for shard_id in range(manifest.num_shards):
        if words := fault(shard_id, manifest, out):
            raise ValueError(f"{manifest.shard(out, shard_id)}: {words}; run the extraction again to remake it")
        with safe_open(manifest.shard(out, shard_id), framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (safe_open is no dictionary)
                joined.setdefault(name, []).append(file.get_tensor(name))
    return {name: torch.cat(parts) for name, parts in joined.items()}
