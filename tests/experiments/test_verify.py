"""`verify.py` finds a flipped byte in every file of a store and of an extraction, names it, and leaves manifests."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.data.stores import random_store
from tests.experiments.scripts import script
from tests.extraction.extractions import extracted

verify: Any = script("verify")
pytestmark = pytest.mark.situation


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify") / "store"
    random_store(folder, shards=(2, 2))
    return folder


@pytest.fixture(scope="module")
def embeddings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extracted(tmp_path_factory.mktemp("verify")).out


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", ["store", "embeddings"])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.99])
def test_flipped_byte_in_any_file_is_found_and_named(kind: str, place: float, request: Any) -> None:
    folder: Path = request.getfixturevalue(kind)
    assert verify.damaged(folder) == {}
    assert {path.suffix for path in files(folder)} == {".json", ".arrow" if kind == "store" else ".safetensors"} | (
        set() if kind == "store" else {".parquet"}
    )
    for path in files(folder):
        whole = path.read_bytes()
        broken = bytearray(whole)
        broken[int(place * len(whole))] ^= 0x04
        path.write_bytes(broken)
        found = verify.damaged(folder)
        path.write_bytes(whole)
        assert [named.stem for named in found] == [path.stem], path.name
        (words,) = found.values()
        assert "\n" not in words
        assert path.stem in words
        assert ";" in words
    assert verify.damaged(folder) == {}


@pytest.mark.parametrize("kind", ["store", "embeddings"])
@pytest.mark.parametrize("is_manifest_damaged", [False, True])
def test_discard_deletes_damaged_shards_and_nothing_by_a_damaged_manifest(
    is_manifest_damaged: bool, kind: str, request: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder: Path = request.getfixturevalue(kind)
    whole = {path: path.read_bytes() for path in files(folder)}
    shard = next(path for path in whole if path.suffix in (".arrow", ".safetensors"))
    manifest = folder / "manifest.json"
    for path in (shard, *[manifest] * is_manifest_damaged):
        path.write_bytes(whole[path].replace(b"a", b"b", 1))
    monkeypatch.setattr(sys, "argv", ["verify.py", str(folder), "--discard"])
    with pytest.raises(ValueError, match=str(manifest if is_manifest_damaged else shard)):
        verify.main()
    assert shard.exists() == is_manifest_damaged
    assert len(files(folder)) == len(whole) - (not is_manifest_damaged) * (2 if kind == "store" else 1)
    for path, content in whole.items():
        path.write_bytes(content)


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_manifest_that_is_no_json_is_named_with_the_remedy_of_its_folder(
    text: str, store: Path, embeddings: Path
) -> None:
    for folder, remedy in ((store, "generate the store again"), (embeddings, "extract again")):
        path = folder / "manifest.json"
        whole = path.read_bytes()
        path.write_text(text)
        found = verify.damaged(folder)
        path.write_bytes(whole)
        assert list(found) == [path]
        assert remedy in found[path]
