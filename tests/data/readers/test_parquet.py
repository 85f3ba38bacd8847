"""Tables of images as Hugging Face and others write them: each picture has its class, or one line says why."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from smcrep.data.readers import parquet as module
from smcrep.data.readers.parquet import open_parquet
from tests.data.readers.pictures import encoded, shows, write

pytestmark = pytest.mark.situation
IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def table(
    path: Path, columns: dict[str, Any], features: dict[str, Any] | None = None, rows_per_group: int | None = None
) -> Path:
    made = pa.table(columns)
    if features is not None:
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(made, path, row_group_size=rows_per_group)
    return path


def images(paths: list[str | None], without_bytes: tuple[int, ...] = ()) -> pa.Array:
    items = [{"bytes": None if i in without_bytes else encoded(i), "path": p} for i, p in enumerate(paths)]
    return pa.array(items, IMAGE)


def test_columns_of_hugging_face_are_found_by_their_features(tmp_path: Path) -> None:
    features = {
        "picture": {"_type": "Image"},
        "fine": {"_type": "ClassLabel", "names": ["ant", "bee"]},
        "id": {"dtype": "int64", "_type": "Value"},
    }
    columns = {"id": [7, 8], "thumbnail": pa.array([b"x", b"y"]), "picture": images([None, None]), "fine": [1, 0]}
    found = open_parquet(table(tmp_path / "a.parquet", columns, features))
    assert found.classes == ("ant", "bee")
    assert found.labels.tolist() == [1, 0]
    assert found.names == ("row 0", "row 1")
    assert [shows(found.decode(i, 4), i) for i in range(2)] == [True, True]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_plain_bytes_and_text_labels_are_read(tmp_path: Path, kind: pa.DataType) -> None:
    columns = {"image": pa.array([encoded(i) for i in range(3)], kind), "label": ["dog", "cat", "dog"]}
    found = open_parquet(table(tmp_path / "a.parquet", columns))
    assert found.classes == ("cat", "dog")
    assert found.labels.tolist() == [1, 0, 1]
    assert shows(found.decode(2, 4), 2)


def test_dictionaries_of_labels_are_read(tmp_path: Path) -> None:
    labels = pa.array(["dog", "cat"]).dictionary_encode()
    found = open_parquet(table(tmp_path / "a.parquet", {"image": images([None, None]), "label": labels}))
    assert (found.classes, found.labels.tolist()) == (("cat", "dog"), [1, 0])


def test_columns_that_cannot_be_told_apart_are_named(tmp_path: Path) -> None:
    columns = {"left": images([None]), "right": images([None]), "label": [0]}
    path = table(tmp_path / "a.parquet", columns)
    with pytest.raises(ValueError, match=r"columns that may hold images: \['left', 'right'\].*; name its columns"):
        open_parquet(path)
    assert len(open_parquet(path, image_column="right")) == 1
    path = table(tmp_path / "b.parquet", {"image": images([None]), "score": [0.5]})
    with pytest.raises(ValueError, match=r"columns that may hold labels: \[\].*; name its columns"):
        open_parquet(path)


def test_null_bytes_are_read_from_the_path_beside_the_table(tmp_path: Path) -> None:
    write(tmp_path / "cat/1.png", 1)
    column = images(["cat/0.png", "cat/1.png"], without_bytes=(1,))
    found = open_parquet(table(tmp_path / "a.parquet", {"image": column, "label": [0, 0]}))
    assert shows(found.decode(0, 4), 0)
    assert shows(found.decode(1, 4), 1)
    assert found.names == ("cat/0.png", "cat/1.png")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("cat/gone.png", "no file 'cat/gone.png' beside the table"),
        ("../secret.png", "its path '../secret.png' leaves the folder of the table"),
        (None, "neither bytes nor a path"),
    ],
)
def test_null_bytes_without_their_file_are_one_line(tmp_path: Path, path: str | None, words: str) -> None:
    write(tmp_path / "secret.png", 0)
    (tmp_path / "set").mkdir()
    columns = {"image": images([path], without_bytes=(0,)), "label": [0]}
    found = open_parquet(table(tmp_path / "set/a.parquet", columns))
    with pytest.raises(ValueError, match=rf"a.parquet, row 0: not a readable image \(.*{words}\); replace it"):
        found.decode(0, 4)


@pytest.mark.parametrize(
    ("paths", "labels", "classes"),
    [
        (["a/dog/0.png", "b/dog/1.png"], [0, 1], ("a/dog", "b/dog")),  # equal names in different parents
        (["a/dog/0.png", "a/cat/1.png"], [1, 0], ("cat", "dog")),
        (["dog/0.png", "dog/1.png"], [0, 1], ("0", "1")),  # one folder, two labels
        (["dog/0.png", "cat/1.png"], [0, 0], ("0",)),  # two folders, one label
        (["0.png", None], [0, 2], ("0", "1", "2")),
    ],
)
def test_class_names_from_folders_never_merge_labels(
    tmp_path: Path, paths: list[str | None], labels: list[int], classes: tuple[str, ...]
) -> None:
    found = open_parquet(table(tmp_path / "a.parquet", {"image": images(paths), "label": labels}))
    assert found.classes == classes
    assert found.labels.tolist() == labels


def test_many_batches_are_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table above 2 GiB does not fit into one array: pictures are found across batches and groups of rows."""
    monkeypatch.setattr(module, "BATCH_ROWS", 3)
    column, labels = images([f"c{i % 4}/{i}.png" for i in range(11)]), np.arange(11) % 4
    path = table(tmp_path / "a.parquet", {"image": column, "label": labels}, rows_per_group=4)
    found = open_parquet(path)
    assert found.files.encoded.num_chunks > 3  # type: ignore[union-attr]
    assert found.labels.tolist() == labels.tolist()
    assert found.classes == ("c0", "c1", "c2", "c3")
    assert [shows(found.decode(i, 4), i) for i in range(11)] == [True] * 11
    assert len(open_parquet(path).content(11)) == 64
