"""What is extracted equals what the model says; interrupted or damaged, only what is missing is made again."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from smcrep.data.schema import world_schema
from smcrep.data.store import Manifest as StoreManifest
from smcrep.data.store import Store, StoredObject, shard_path, write_manifest, write_shard
from smcrep.extraction.extract import extract, verify
from smcrep.extraction.manifest import read_manifest
from smcrep.extraction.shards import load_embeddings
from smcrep.hub import build_model, load_model, save_pretrained
from smcrep.models.config import ModelConfig
from smcrep.senses import DEFAULT_SENSES, Resolution

NUM_STATES, NUM_BRANCHES = 6, 2


@pytest.fixture
def store(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    schema = world_schema(DEFAULT_SENSES, Resolution(16, 20))
    r = NUM_STATES * (NUM_BRANCHES + 1)
    rows = {name: rng.normal(size=(r, *c.shape)).astype(c.dtype) for name, c in schema.columns.items()}
    rows["rgb"] = rng.integers(0, 256, rows["rgb"].shape, dtype=np.uint8)
    rows["state_id"] = np.arange(r) // (NUM_BRANCHES + 1)
    rows["object_id"] = rows["state_id"] % 2
    write_shard(shard_path(tmp_path / "store", 0), schema, rows)
    objects = (StoredObject(0, "mug-0", 0, "mug"), StoredObject(1, "can-1", 1, "can"))
    write_manifest(tmp_path / "store", StoreManifest(schema, NUM_BRANCHES, 1, objects, ("mug", "can")))
    return tmp_path / "store"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return save_model(tmp_path / "run", seed=0)


def save_model(run: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    senses = {"rgb": {"size": 16}, "points": None}
    config = ModelConfig(
        senses=senses, trunk_dim=16, invariant_dim=8, num_tensors=1, projector_dim=8, predictor_hidden=8
    )
    save_pretrained(build_model(config), run / "model")
    return run


def test_equals_the_model_and_the_index_finds_every_row(store: Path, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "embeddings"
    manifest = extract(run, store, out, rows_per_shard=7)
    assert verify(out, manifest) == []
    assert manifest == read_manifest(out)
    found = load_embeddings(out, manifest)
    model, embed_dim, _, _ = load_model(run)
    sensed = Store(store).read(np.arange(18), ["rgb", "points"])
    expected = model.embed(**sensed)
    assert found["fused"].shape == (18, embed_dim)
    torch.testing.assert_close(found["fused"], expected.fused, atol=1e-5, rtol=0)
    torch.testing.assert_close(found["points"], expected.senses["points"], atol=1e-5, rtol=0)
    index = pq.read_table(out / "index.parquet")
    assert index["object"].to_pylist() == [["mug-0", "can-1"][i // 3 % 2] for i in range(18)]
    assert index["branch"].to_pylist() == [0, 1, 2] * 6
    assert index["shard"].to_pylist() == [i // 7 for i in range(18)]
    assert b"model_sha256" in index.schema.metadata[b"provenance"]


def test_only_what_is_missing_or_damaged_is_made_again(store: Path, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "embeddings"
    manifest = extract(run, store, out, rows_per_shard=5)
    whole = [manifest.shard(out, i).read_bytes() for i in range(4)]
    untouched = manifest.shard(out, 0).stat().st_mtime_ns
    manifest.shard(out, 1).unlink()
    manifest.shard(out, 2).write_bytes(whole[2][: len(whole[2]) // 2])
    faults = verify(out, manifest)
    assert [(": missing;" in f, "cannot be read" in f) for f in faults] == [(True, False), (False, True)]
    extract(run, store, out, rows_per_shard=5)
    assert [manifest.shard(out, i).read_bytes() for i in range(4)] == whole
    assert manifest.shard(out, 0).stat().st_mtime_ns == untouched


def test_a_folder_of_another_model_is_refused(store: Path, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "embeddings"
    manifest = extract(run, store, out)
    before = manifest.shard(out, 0).read_bytes()
    other = save_model(tmp_path / "other", seed=1)
    with pytest.raises(ValueError, match=r"holds another extraction .*model_sha256.* choose a new --out"):
        extract(other, store, out)
    assert manifest.shard(out, 0).read_bytes() == before


def test_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no manifest\.json in it"):
        read_manifest(tmp_path)
