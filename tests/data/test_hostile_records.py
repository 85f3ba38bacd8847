"""Whatever a model, run, manifest of embeddings or record contains, its reader returns it or raises a ValueError of one
line with a remedy. Every fault that the fuzzer found is a case here."""

import json
import struct
from pathlib import Path
from typing import Any

import torch
from hypothesis import given

from smcrep.extraction.manifest import EmbeddingManifest
from smcrep.extraction.manifest import read_manifest as read_embeddings
from smcrep.extraction.shards import fault, load_embeddings
from smcrep.models.config import ModelConfig
from smcrep.models.weights import read_config
from smcrep.pretraining import tiny
from smcrep.pretraining.folder import store_path
from smcrep.results import read_claims
from smcrep.training import checkpoint
from smcrep.training.recipes import Recipe
from tests.data.hostile import DEEP, JSON, ROBUST, answers, replaced

CONFIG = {"format": "smcrep", "config": ModelConfig().to_json(), "provenance": {}}


def test_configuration_with_any_wrong_field_is_refused_in_one_line(tmp_path: Path) -> None:
    wrong = [CONFIG | {"config": inner} for inner in replaced(ModelConfig().to_json())]
    for record in wrong + replaced(CONFIG):
        (tmp_path / "config.json").write_text(json.dumps(record))
        answers(lambda: read_config(tmp_path), "config.json")
    (tmp_path / "config.json").write_text(DEEP)
    assert answers(lambda: read_config(tmp_path), "config.json")


def test_recipe_with_any_wrong_field_is_refused_in_one_line(tmp_path: Path) -> None:
    for record in replaced(tiny().recipe.to_json()):
        answers(lambda r=record: Recipe.from_json(r))
        torch.save({"version": 1, "recipe": record}, checkpoint.path_in(tmp_path))
        answers(lambda: checkpoint.load(tmp_path, tiny().recipe), "last.pt")
    for record in (None, 3, "x", [1], {}):
        assert answers(lambda r=record: Recipe.from_json(r))  # type: ignore[arg-type]


EMBEDDINGS = EmbeddingManifest("s", "0", "m", "0", 4, 2, 4, 1, ("rgb",), "0")


def test_manifest_of_embeddings_with_any_wrong_field_is_refused_in_one_line(tmp_path: Path) -> None:
    whole = {**EMBEDDINGS.__dict__, "senses": ["rgb"]}
    for record in replaced(whole):
        (tmp_path / "manifest.json").write_text(json.dumps(record))
        answers(lambda: read_embeddings(tmp_path), "manifest.json")
    for wrong in ({"rows_per_shard": 0}, {"num_rows": 10**12, "rows_per_shard": 1}, {"extra": 1}, {"senses": [3]}):
        (tmp_path / "manifest.json").write_text(json.dumps(whole | wrong))
        assert "extract again" in answers(lambda: read_embeddings(tmp_path), "manifest.json")
    (tmp_path / "manifest.json").write_text(DEEP)
    assert answers(lambda: read_embeddings(tmp_path), "manifest.json")


def test_missing_or_damaged_shard_of_embeddings_is_refused(tmp_path: Path) -> None:
    assert "shard-00000.safetensors: missing; run the extraction again" in answers(
        lambda: load_embeddings(tmp_path, EMBEDDINGS)
    )
    huge = b'{"fused":{"dtype":"F32","shape":[1000000000000,4],"data_offsets":[0,16000000000000]}}'
    for content in (struct.pack("<Q", 2**62), struct.pack("<Q", len(huge)) + huge, b"", b"\x80\x04junkjunk"):
        EMBEDDINGS.shard(tmp_path, 0).write_bytes(content)
        assert "cannot be read" in str(fault(0, EMBEDDINGS, tmp_path))


@ROBUST
@given(value=JSON)
def test_records_and_stores_of_any_json_are_refused_in_one_line(tmp_path_factory: Any, value: Any) -> None:
    folder = tmp_path_factory.getbasetemp()
    for name, record in (("claims.json", {"claims": value}), ("claims.json", {"claims": {"a": value}})):
        (folder / name).write_text(json.dumps(record))
        answers(lambda: read_claims(folder / "claims.json"), "claims.json")
    for record in (value, {"tra\nin": "x", "test": "x"}, {"train": value}):
        (folder / "stores.json").write_text(json.dumps(record))
        answers(lambda: store_path(folder, "train"), "stores.json")
