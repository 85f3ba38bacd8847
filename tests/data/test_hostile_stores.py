"""Whatever a store contains, its reader returns it or raises a ValueError of one line with a remedy. Every fault that
the fuzzer found is a case here."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smcrep.data.schema import VERSION, Schema
from smcrep.data.shard import open_shard, sidecar
from smcrep.data.store import Store, read_manifest, shard_path
from tests.data.hostile import DEEP, JSON, ROBUST, answers, replaced
from tests.data.stores import SMALL, random_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    random_store(folder, shards=(2,), k=1)
    return folder


def test_manifest_with_any_wrong_field_is_refused_in_one_line(store: Path) -> None:
    path = store / "manifest.json"
    whole = path.read_text()
    try:
        for value in replaced(json.loads(whole)):
            path.write_text(json.dumps(value))
            answers(lambda: Store(store), str(store))
        for text in (DEEP, "[]", "3", '{"schema": 1' + "0" * 5000 + "}", "\x00", ""):
            path.write_text(text)
            assert "generate" in answers(lambda: Store(store), str(path))
        path.write_text(json.dumps(json.loads(whole) | {"num_branches": -1}))
        assert "num_branches -1" in answers(lambda: read_manifest(store))
        path.write_text(json.dumps(json.loads(whole) | {"num_shards": 10**12}))
        assert "shard-00001.arrow: shard is missing" in answers(lambda: Store(store))
    finally:
        path.write_text(whole)
    assert Store(store).num_states == 2


@ROBUST
@given(value=JSON)
def test_schema_of_any_json_is_refused_in_one_line(value: Any) -> None:
    schema = SMALL.to_json()
    answers(lambda: Schema.from_json(value, "m"), "m")
    answers(lambda: Schema.from_json({"version": VERSION, "columns": value}, "m"), "m")
    answers(lambda: Schema.from_json({"version": VERSION, "columns": {"rgb": value}}, "m"), "m")
    for field in ("shape", "dtype", "unit", "frame"):
        answers(
            lambda f=field: Schema.from_json(schema | {"columns": {"a": schema["columns"]["rgb"] | {f: value}}}, "m")
        )


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ({"dtype": "O"}, "dtype 'O'"),
        ({"dtype": "V99999999999"}, "dtype 'V99999999999'"),
        ({"dtype": "(1000000,1000000)f8"}, "dtype"),
        ({"dtype": ["f4"]}, "dtype"),
        ({"shape": [10**12]}, r"shape \[1000000000000\]"),
        ({"shape": [-1]}, "shape"),
        ({"shape": [0]}, "shape"),
        ({"shape": [float("inf")]}, "infinity"),
        ({"unit": 3}, "unit or frame"),
    ],
)
def test_invalid_column_is_refused(column: dict[str, Any], words: str) -> None:
    whole = {"shape": [2], "dtype": "float32", "unit": "m", "frame": ""}
    with pytest.raises(ValueError, match=f"^m: the schema is damaged.*{words}.*generate the store again"):
        Schema.from_json({"version": VERSION, "columns": {"x": whole | column}}, "m")


@ROBUST
@given(place=st.floats(0, 1, exclude_max=True), new=st.binary(min_size=1, max_size=8))
def test_damaged_shard_reads_or_is_refused_in_one_line(store: Path, place: float, new: bytes) -> None:
    path, whole = shard_path(store, 0), shard_path(store, 0).read_bytes()
    at = int(place * len(whole))
    damaged = path.with_name("shard-00009.arrow")
    damaged.write_bytes((whole[:at] + new + whole[at + len(new) :])[: len(whole)])
    sidecar(damaged).write_bytes(sidecar(path).read_bytes())

    def read() -> None:
        for array in open_shard(damaged, SMALL).values():
            array.tobytes()

    answers(read, str(damaged))


@ROBUST
@given(note=JSON)
def test_note_of_any_json_is_refused_in_one_line(store: Path, note: Any) -> None:
    damaged = shard_path(store, 8)
    damaged.write_bytes(b"ab")
    sidecar(damaged).write_text(json.dumps(note))
    assert answers(lambda: open_shard(damaged, SMALL), "shard-00008")
    sidecar(damaged).write_text(DEEP)
    assert answers(lambda: open_shard(damaged, SMALL), "shard-00008")
