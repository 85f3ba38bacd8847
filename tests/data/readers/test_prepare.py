"""`prepare_cifar10.py`: a store belongs to the pictures that it was made of; nothing is left out without a line."""

import runpy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from smcrep.data.shard import states_per_shard
from smcrep.data.store import Store, verify
from smcrep.extraction.extract import extract
from smcrep.extraction.index import INDEX
from tests.data.readers.pictures import shows, write
from tests.extraction.extractions import small_model

pytestmark = pytest.mark.situation
SCRIPT = Path(__file__).parents[3] / "datasets" / "prepare_cifar10.py"
SMALL: dict[str, Any] = {"image_size": 8, "num_branches": 1}
script = runpy.run_path(str(SCRIPT))
prepare = script["main"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(6):
        write(tmp_path / f"set/{'cat' if number < 3 else 'dog'}/{number}.png", number)
    return tmp_path / "set"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_swapped_pixels_are_another_store(root: Path, tmp_path: Path) -> None:
    prepare(root, tmp_path / "out", **SMALL)
    before = contents(tmp_path / "out")
    prepare(root, tmp_path / "out", **SMALL)  # called again it changes nothing
    assert contents(tmp_path / "out") == before
    write(root / "cat/1.png", 9)
    with pytest.raises(
        ValueError, match=r"out: holds a store of another .*: other pictures .*; choose another"
    ) as caught:
        prepare(root, tmp_path / "out", **SMALL)
    assert "\n" not in str(caught.value)
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("change", ["added", "removed", "renamed"])
def test_other_files_are_another_store(root: Path, tmp_path: Path, change: str) -> None:
    prepare(root, tmp_path / "out", **SMALL)
    if change == "added":
        write(root / "dog/9.png", 9)
    elif change == "removed":
        (root / "dog/5.png").unlink()
    else:
        (root / "dog/5.png").rename(root / "dog/6.png")
    with pytest.raises(ValueError, match="holds a store of another configuration"):
        prepare(root, tmp_path / "out", **SMALL)


def test_folder_spelt_otherwise_is_the_same_store(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(root, tmp_path / "out", **SMALL)
    monkeypatch.chdir(root)
    before = contents(tmp_path / "out")
    prepare(Path("."), tmp_path / "out", **SMALL)
    assert contents(tmp_path / "out") == before


def test_bad_pictures_end_it_before_anything_is_written_or_are_left_out_with_a_line(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "cat/1.png").write_bytes(b"no picture")
    (root / "dog/3.png").write_bytes((root / "dog/3.png").read_bytes()[:40])
    with pytest.raises(ValueError, match=r"^2 of 6 pictures cannot be read; .*1.png: not a .*, or give --on-bad skip$"):
        prepare(root, tmp_path / "out", **SMALL)
    assert not (tmp_path / "out").exists()
    prepare(root, tmp_path / "out", on_bad="skip", **SMALL)
    said = capsys.readouterr().out
    assert said.count("skipped: ") == 2
    assert "4 of 6 pictures can be read, 2 are left out" in said
    store = Store(tmp_path / "out")
    assert [o.name for o in store.objects] == ["cat/0.png", "cat/2.png", "dog/4.png", "dog/5.png"]
    pixels = store.read(np.arange(4) * 2, ["rgb"])["rgb"].numpy()
    assert all(shows(pixels[i], number) for i, number in enumerate((0, 2, 4, 5)))
    verify(tmp_path / "out")
    before = contents(tmp_path / "out")
    prepare(root, tmp_path / "out", on_bad="skip", **SMALL)
    assert contents(tmp_path / "out") == before


def test_nothing_but_bad_pictures_is_refused(root: Path, tmp_path: Path) -> None:
    for path in root.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="6 of 6 pictures cannot be read"):
        prepare(root, tmp_path / "out", on_bad="skip", **SMALL)
    assert not (tmp_path / "out").exists()


def test_test_set_is_numbered_as_its_training_set(root: Path, tmp_path: Path) -> None:
    prepare(root, tmp_path / "train", **SMALL)
    shutil.rmtree(root / "cat")
    prepare(root, tmp_path / "test", classes_of=tmp_path / "train", **SMALL)
    store = Store(tmp_path / "test")
    assert store.classes == ("cat", "dog")
    assert set(store.class_ids.tolist()) == {1}


def test_shards_are_cut_by_bytes_and_hold_the_same_as_one(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(root, tmp_path / "one", **SMALL)
    one = Store(tmp_path / "one")
    row = sum(column.num_bytes for column in one.schema.columns.values())
    monkeypatch.setattr("smcrep.data.shard.SHARD_BYTES", 5 * row)  # two states of two observations
    assert states_per_shard(one.schema, one.num_branches) == 2
    prepare(root, tmp_path / "several", **SMALL)
    several = Store(tmp_path / "several")
    assert (one.manifest.num_shards, several.manifest.num_shards) == (1, 3)
    for name in one.schema.columns:
        rows = np.arange(one.num_rows)
        assert (one.read(rows, [name])[name] == several.read(rows, [name])[name]).all()
    monkeypatch.setattr("smcrep.data.shard.SHARD_BYTES", 1)
    assert states_per_shard(one.schema, one.num_branches) == 1


def test_user_finds_a_picture_again_in_the_index_of_its_embeddings(root: Path, tmp_path: Path) -> None:
    prepare(root, tmp_path / "store", **SMALL)
    extract(small_model(tmp_path / "run", senses=("rgb",)), tmp_path / "store", tmp_path / "out")
    index = pq.read_table(tmp_path / "out" / INDEX).to_pylist()
    assert [(e["file"], e["class"], e["branch"]) for e in index[:4]] == [
        ("cat/0.png", "cat", 0),
        ("cat/0.png", "cat", 1),
        ("cat/1.png", "cat", 0),
        ("cat/1.png", "cat", 1),
    ]
    assert {e["file"] for e in index} == {p.relative_to(root).as_posix() for p in root.rglob("*.png")}
    assert [e["class"] for e in index] == [e["file"].split("/")[0] for e in index]
