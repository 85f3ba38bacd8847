"""What is extracted equals what the model says; interrupted or damaged, only what is missing is made again."""

import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from smcrep.data.store import Store
from smcrep.engines import on_slurm
from smcrep.extraction.extract import damaged, extract, verify
from smcrep.extraction.manifest import check, read_manifest
from smcrep.extraction.shards import load_embeddings, row_bytes
from smcrep.files import file_lock
from smcrep.hub import load_model
from tests.data.stores import random_store
from tests.extraction.extractions import Extraction, extracted, small_model, small_store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Extraction:
    return extracted(tmp_path_factory.mktemp("made"))


@pytest.fixture
def own(tmp_path: Path) -> Extraction:
    """One that a test may damage."""
    return extracted(tmp_path, rows_per_shard=5)


def test_embeddings_equal_the_model(made: Extraction) -> None:
    assert verify(made.out, made.manifest) == []
    assert made.manifest == read_manifest(made.out)
    found = load_embeddings(made.out, made.manifest)
    model, embed_dim, _, _ = load_model(made.run)
    expected = model.embed(**Store(made.store).read(np.arange(18), ["rgb", "points"]))
    assert found["fused"].shape == (18, embed_dim)
    torch.testing.assert_close(found["fused"], expected.fused, atol=1e-5, rtol=0)
    torch.testing.assert_close(found["points"], expected.senses["points"], atol=1e-5, rtol=0)


def test_only_what_is_missing_or_damaged_is_made_again(own: Extraction) -> None:
    manifest, out = own.manifest, own.out
    whole = [manifest.shard(out, i).read_bytes() for i in range(4)]
    untouched = manifest.shard(out, 0).stat().st_mtime_ns
    manifest.shard(out, 1).unlink()
    manifest.shard(out, 2).write_bytes(whole[2][: len(whole[2]) // 2])
    faults = verify(out, manifest)
    assert [(": missing;" in f, "cannot be read" in f) for f in faults] == [(True, False), (False, True)]
    extract(own.run, own.store, out)
    assert [manifest.shard(out, i).read_bytes() for i in range(4)] == whole
    assert manifest.shard(out, 0).stat().st_mtime_ns == untouched


@pytest.mark.situation
@pytest.mark.parametrize(
    ("foreign", "words"), [("model", "another model"), ("store", "another store"), ("rows", "other rows")]
)
def test_shard_of_another_extraction_is_named_and_made_again(
    own: Extraction, tmp_path: Path, foreign: str, words: str
) -> None:
    run = small_model(tmp_path / "run-2", seed=1) if foreign == "model" else own.run
    store = small_store(tmp_path / "store-2", seed=1) if foreign == "store" else own.store
    other = extract(run, store, tmp_path / "other", rows_per_shard=5)
    number = 2 if foreign == "rows" else 1
    path = own.manifest.shard(own.out, 1)
    whole = path.read_bytes()
    shutil.copy(other.shard(tmp_path / "other", number), path)
    assert list(damaged(own.out, own.manifest)) == [path]
    assert words in verify(own.out, own.manifest)[0]
    with pytest.raises(ValueError, match=words):
        load_embeddings(own.out, own.manifest)
    extract(own.run, own.store, own.out)
    assert path.read_bytes() == whole


def test_a_folder_of_another_model_is_refused(made: Extraction, tmp_path: Path) -> None:
    before = made.manifest.shard(made.out, 0).read_bytes()
    other = small_model(tmp_path / "other", seed=1)
    with pytest.raises(ValueError, match=r"holds another extraction .*model_sha256.* choose a new --out"):
        extract(other, made.store, made.out)
    assert made.manifest.shard(made.out, 0).read_bytes() == before


@pytest.mark.situation
def test_a_folder_of_another_store_at_the_same_path_is_refused(own: Extraction) -> None:
    shutil.rmtree(own.store)
    small_store(own.store, seed=1)
    with pytest.raises(ValueError, match=r"holds another extraction .*store_sha256.* choose a new --out"):
        extract(own.run, own.store, own.out)


def test_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no manifest\.json in it"):
        read_manifest(tmp_path)


@pytest.mark.situation
def test_store_that_the_model_cannot_embed_is_refused_before_anything_is_written(
    made: Extraction, tmp_path: Path
) -> None:
    of_depth = small_model(tmp_path / "depth", senses=("rgb", "depth"))
    with pytest.raises(ValueError, match=r"store: has no column 'depth', a sense of the model .*; give a store that"):
        extract(of_depth, made.store, tmp_path / "out")
    random_store(tmp_path / "tiny", shards=(2,))  # pictures of 6 x 6 pixels
    with pytest.raises(ValueError, match="rgb is 6 x 6 pixels, too small to see anything"):
        extract(made.run, tmp_path / "tiny", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_more_shards_than_have_numbers_are_refused_before_anything_is_written(
    made: Extraction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(replace(made.manifest, num_rows=100_000, rows_per_shard=1))  # the last is shard-99999
    words = "100001 shards of 1 rows are more than 100000; give more rows to a shard"
    with pytest.raises(ValueError, match=words):
        check(replace(made.manifest, num_rows=100_001, rows_per_shard=1))
    monkeypatch.setattr(import_module("smcrep.extraction.manifest"), "MAX_SHARDS", 17)
    with pytest.raises(ValueError, match=r"18 shards of 1 rows are more than 17; give more rows to a shard"):
        extract(made.run, made.store, tmp_path / "out", rows_per_shard=1)
    assert not (tmp_path / "out").exists()


def test_jobs_of_an_array_share_a_folder_and_others_do_not(
    made: Extraction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two jobs, the second of which starts while the first still holds the folder; then another program."""
    out = tmp_path / "new" / "out"
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    with file_lock(out, shared=True):
        for number in ("0", "1"):
            monkeypatch.setenv("SLURM_ARRAY_TASK_ID", number)
            manifest = extract(made.run, made.store, out, rows_per_shard=5, engine=on_slurm)
        with pytest.raises(ValueError, match="another process is writing there"):
            extract(made.run, made.store, out, rows_per_shard=5)
    assert verify(out, manifest) == []


@pytest.mark.situation
def test_shards_are_cut_by_bytes(made: Extraction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = 4096
    monkeypatch.setattr(import_module("smcrep.extraction.extract"), "SHARD_BYTES", bound)
    manifest = extract(made.run, made.store, tmp_path / "out")
    tensors = load_embeddings(tmp_path / "out", manifest)
    sizes = [len(manifest.rows(i)) * row_bytes(tensors) for i in range(manifest.num_shards)]
    assert manifest.num_shards > 1
    assert bound / 2 < sizes[0] <= bound
    assert sum(t.numel() * t.element_size() for t in tensors.values()) == sum(sizes)
    monkeypatch.undo()
    assert extract(made.run, made.store, tmp_path / "out") == manifest  # it goes on as it was cut
