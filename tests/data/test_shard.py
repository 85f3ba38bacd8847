"""Shards are read bit for bit; damage of any kind gives one line that names the file and the remedy."""

import json
import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from smcrep.data.schema import Column, Schema
from smcrep.data.shard import is_complete, open_shard, sidecar, verify_shard, write_shard
from smcrep.files import atomic_write_bytes
from tests.data.stores import SMALL, random_rows

TINY = Schema({"x": Column((3,), "float32", "m", "camera"), "state_id": Column((), "int64")})


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "shard-00000.arrow"
    write_shard(path, TINY, {"x": np.arange(12, dtype=np.float32).reshape(4, 3), "state_id": np.arange(4)})
    return path


def one_line(error: pytest.ExceptionInfo[ValueError], path: Path) -> bool:
    text = str(error.value)
    return "\n" not in text and path.stem in text and "generate" in text


def test_write_read_is_bit_identical(tmp_path: Path) -> None:
    rows = random_rows(SMALL, 5, 2, 0, 5)
    write_shard(tmp_path / "s.arrow", SMALL, rows)
    verify_shard(tmp_path / "s.arrow", SMALL)
    found = open_shard(tmp_path / "s.arrow", SMALL)
    assert list(found) == list(SMALL.columns)
    for name, array in rows.items():
        assert found[name].dtype == array.dtype
        assert found[name].tobytes() == array.tobytes(), name
        assert not found[name].flags.writeable


def test_the_same_rows_give_the_same_bytes_in_any_memory_layout(tmp_path: Path) -> None:
    rows = random_rows(SMALL, 3, 2, 0, 5)
    write_shard(tmp_path / "a.arrow", SMALL, rows)
    write_shard(tmp_path / "b.arrow", SMALL, {n: np.asfortranarray(rows[n]) for n in reversed(rows)})
    assert (tmp_path / "a.arrow").read_bytes() == (tmp_path / "b.arrow").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.arrow", "a.json", "b.arrow", "b.json"]


def test_a_shard_cut_at_any_byte_is_refused(shard: Path) -> None:
    whole = shard.read_bytes()
    for size in range(len(whole)):
        shard.write_bytes(whole[:size])
        assert not is_complete(shard)
        for check in (open_shard, verify_shard):
            with pytest.raises(ValueError, match="truncated") as error:
                check(shard, TINY)
            assert one_line(error, shard)


def test_any_flipped_bit_is_found_without_crashing_the_reader(shard: Path) -> None:
    whole = shard.read_bytes()
    for position in range(len(whole)):
        broken = bytearray(whole)
        broken[position] ^= 1 << position % 8
        shard.write_bytes(broken)
        with pytest.raises(ValueError, match=r"sha256 .* corrupt") as error:
            verify_shard(shard, TINY)
        assert one_line(error, shard)
        complaint = ""
        try:  # the cheap checks may miss it, but answer in one line or with arrays of the right shape
            assert np.array(open_shard(shard, TINY)["x"]).shape == (4, 3)
        except ValueError as found:
            complaint = str(found)
        assert not complaint or (str(shard) in complaint and "\n" not in complaint)


def test_interrupted_write_is_recognised(shard: Path) -> None:
    assert is_complete(shard)
    sidecar(shard).unlink()
    assert not is_complete(shard)
    with pytest.raises(ValueError, match="writing was interrupted; delete it and generate"):
        open_shard(shard, TINY)
    shard.unlink()
    with pytest.raises(ValueError, match="shard is missing; generate the store again"):
        open_shard(shard, TINY)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"rows": "x", "bytes": 1, "sha256": ""}', "\x00"])
def test_damaged_note_is_refused(shard: Path, content: str) -> None:
    sidecar(shard).write_text(content)
    with pytest.raises(ValueError, match=r"shard-00000.json: not the note of a shard"):
        open_shard(shard, TINY)


def forge(path: Path, table: pa.Table, rows: int | None = None) -> None:
    """Any Arrow file with a note that fits it."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    note = {"rows": table.num_rows if rows is None else rows, "bytes": path.stat().st_size, "sha256": ""}
    sidecar(path).write_text(json.dumps(note))


def test_shards_of_another_format_are_refused(shard: Path) -> None:
    states, blob = pa.array(np.arange(2)), pa.array([b"0" * 12] * 2, pa.binary(12))

    def table(x: pa.Array, schema: Schema) -> pa.Table:
        return pa.table({"x": x, "state_id": states}).replace_schema_metadata(schema.metadata())

    forge(shard, table(blob, TINY))
    assert open_shard(shard, TINY)["x"].shape == (
        2,
        3,
    )  # so the cases below are refused for their reason
    cases = {
        "schema version 1, this smcrep reads version 2": table(blob, replace(TINY, version=1)),
        "schema version None": pa.table({"x": blob, "state_id": states}),
        "columns ['x'] differ from the store's manifest": table(
            blob, Schema(TINY.columns | {"x": Column((12,), "uint8")})
        ),
        "columns ['y'] differ": table(blob, Schema(TINY.columns | {"y": Column((), "int64")})),
        "Arrow columns differ": table(pa.array([b"0" * 8] * 2, pa.binary(8)), TINY),
        "column 'x' is damaged": table(pa.array([b"0" * 12, None], pa.binary(12)), TINY),
    }
    for reason, other in cases.items():
        forge(shard, other)
        with pytest.raises(ValueError, match=re.escape(reason)) as error:
            open_shard(shard, TINY)
        assert one_line(error, shard)
    forge(shard, table(blob, TINY), rows=3)
    with pytest.raises(ValueError, match="2 rows, 3 were written"):
        open_shard(shard, TINY)


def test_refused_write_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no rows to write"):
        write_shard(tmp_path / "s.arrow", TINY, {"x": np.zeros((0, 3), np.float32), "state_id": np.zeros(0, np.int64)})
    assert not list(tmp_path.iterdir())


def test_the_note_with_the_checksum_is_written_after_its_shard(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the two, a shard without a note is made again; a note without its shard would vouch for it."""
    written, module = [], import_module("smcrep.data.shard")

    def record(path: Path, content: bytes) -> None:
        written.append((path.name, sorted(p.name for p in path.parent.iterdir())))
        atomic_write_bytes(path, content)

    monkeypatch.setattr(module, "atomic_write_bytes", record)
    rows = {"x": np.ones((2, 3), np.float32), "state_id": np.arange(2)}
    write_shard(shard, TINY, rows)  # over one that is there: its old note must be gone first
    assert written == [(shard.name, [shard.name]), (sidecar(shard).name, [shard.name])]

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "atomic_write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_shard(shard.with_name("shard-00001.arrow"), TINY, rows)
    assert not sidecar(shard.with_name("shard-00001.arrow")).exists()
