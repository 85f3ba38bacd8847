"""A small store, a small model and its embeddings, made by the tests."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from smcrep.data.schema import world_schema
from smcrep.data.store import Manifest, StoredObject, shard_path, write_manifest, write_shard
from smcrep.extraction.extract import extract
from smcrep.extraction.manifest import EmbeddingManifest
from smcrep.hub import build_model, save_pretrained
from smcrep.models.config import ModelConfig
from smcrep.senses import DEFAULT_SENSES, Resolution

NUM_STATES, NUM_BRANCHES = 6, 2


@dataclass(frozen=True)
class Extraction:
    run: Path
    store: Path
    out: Path
    manifest: EmbeddingManifest


def small_store(path: Path, seed: int = 0) -> Path:
    """18 observations of a mug and a can, in turn."""
    rng = np.random.default_rng(seed)
    schema = world_schema(DEFAULT_SENSES, Resolution(16, 20))
    r = NUM_STATES * (NUM_BRANCHES + 1)
    rows = {name: rng.normal(size=(r, *c.shape)).astype(c.dtype) for name, c in schema.columns.items()}
    rows["rgb"] = rng.integers(0, 256, rows["rgb"].shape, dtype=np.uint8)
    rows["points"] = rows["points"] * np.float32(0.04) + np.array([0, 0, 0.5], np.float32)  # metres, before the camera
    rows["state_id"] = np.arange(r) // (NUM_BRANCHES + 1)
    rows["object_id"] = rows["state_id"] % 2
    rows["class_id"] = rows["object_id"]
    write_shard(shard_path(path, 0), schema, rows)
    objects = (StoredObject(0, "mug-0", 0, "mug"), StoredObject(1, "can-1", 1, "can"))
    write_manifest(path, Manifest(schema, NUM_BRANCHES, 1, objects, ("mug", "can"), {"seed": seed}))
    return path


def small_model(run: Path, seed: int = 0, senses: tuple[str, ...] = ("rgb", "points")) -> Path:
    torch.manual_seed(seed)
    settings = {name: {"size": 16} if name == "rgb" else None for name in senses}
    config = ModelConfig(
        senses=settings, trunk_dim=16, invariant_dim=8, num_tensors=1, projector_dim=8, predictor_hidden=8
    )
    save_pretrained(build_model(config), run / "model")
    return run


def extracted(folder: Path, rows_per_shard: int = 7) -> Extraction:
    """Both, and the embeddings of one by the other."""
    run, store, out = small_model(folder / "run"), small_store(folder / "store"), folder / "embeddings"
    return Extraction(run, store, out, extract(run, store, out, rows_per_shard=rows_per_shard))
