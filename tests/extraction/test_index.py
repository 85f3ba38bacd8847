"""The index finds every row, by number, object, class and file."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from smcrep.data.shard import sidecar
from smcrep.extraction.extract import extract, verify
from smcrep.extraction.index import INDEX
from smcrep.extraction.shards import load_embeddings
from tests.extraction.extractions import Extraction, extracted


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Extraction:
    return extracted(tmp_path_factory.mktemp("made"))


def test_row_shard_and_offset_are_where_the_embedding_lies(made: Extraction) -> None:
    index, joined = pq.read_table(made.out / INDEX), load_embeddings(made.out, made.manifest)["fused"]
    assert index["row"].to_pylist() == list(range(18))
    assert index["shard"].to_pylist() == [0] * 7 + [1] * 7 + [2] * 4
    assert index["offset"].to_pylist() == [*range(7), *range(7), *range(4)]
    for entry in index.to_pylist():
        shard = load_file(made.manifest.shard(made.out, entry["shard"]))
        assert torch.equal(shard["fused"][entry["offset"]], joined[entry["row"]])
        assert int(shard["row"][entry["offset"]]) == entry["row"]


def test_objects_classes_and_branches_have_names_and_numbers(made: Extraction) -> None:
    index = pq.read_table(made.out / INDEX)
    assert index["object"].to_pylist() == [["mug-0", "can-1"][i // 3 % 2] for i in range(18)]
    assert index["class"].to_pylist() == [["mug", "can"][i // 3 % 2] for i in range(18)]
    assert index["branch"].to_pylist() == [0, 1, 2] * 6
    assert index["state_id"].to_pylist() == [i // 3 for i in range(18)]
    assert b"model_sha256" in index.schema.metadata[b"provenance"]
    assert "file" not in index.column_names


@pytest.mark.parametrize("harm", ["missing", "interrupted", "flipped"])
def test_index_that_is_not_whole_is_named_and_written_again(tmp_path: Path, harm: str) -> None:
    own = extracted(tmp_path)
    path = own.out / INDEX
    whole = path.read_bytes()
    if harm == "missing":
        path.unlink()
    elif harm == "interrupted":
        sidecar(path).unlink()
    else:
        path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    words = {"missing": "missing", "interrupted": "has no index.json", "flipped": "is corrupt"}[harm]
    (line,) = verify(own.out, own.manifest)
    assert line.startswith(f"{path}: {words}")
    extract(own.run, own.store, own.out)
    assert path.read_bytes() == whole
    assert verify(own.out, own.manifest) == []
