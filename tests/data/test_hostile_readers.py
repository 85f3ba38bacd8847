"""Whatever a file contains, its reader returns it or raises a ValueError of one line with a remedy. Every fault that
the fuzzer found is a case here."""

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from smcrep.data.readers import modelnet, parquet
from smcrep.data.readers.images import open_folder, open_parquet
from smcrep.data.readers.modelnet import open_modelnet10
from tests.data.hostile import DEEP, ROBUST, answers

# ---- images


def png(size: tuple[int, int] = (4, 4), declared: tuple[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "png")
    whole = buffer.getvalue()
    head = struct.pack(">II", *(declared or size)) + whole[24:29]
    return whole[:16] + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + whole[33:]


@pytest.mark.filterwarnings("ignore")  # Pillow warns of some damage before it refuses the file
@ROBUST
@given(place=st.floats(0, 1), new=st.binary(min_size=1, max_size=8), length=st.integers(0, 9))
def test_damaged_image_reads_or_is_refused_in_one_line(
    tmp_path_factory: Any, place: float, new: bytes, length: int
) -> None:
    folder, whole = tmp_path_factory.getbasetemp() / "pictures", png()
    (folder / "a").mkdir(parents=True, exist_ok=True)
    at = int(place * len(whole))
    (folder / "a" / "b.png").write_bytes(whole[:at] + new + whole[at + length :])
    answers(lambda: open_folder(folder).decode(0, 8), "b.png")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("size", [(9000, 9000), (10_000, 10_000), (60_000, 60_000)])
def test_image_of_absurd_size_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.png").write_bytes(png(declared=size))
    assert "pixels" in answers(lambda: open_folder(tmp_path).decode(0, 8), "b.png")


def table(path: Path, *, label: int = 0, note: str = "{}", count: int = 1) -> Path:
    items = pa.array(
        [{"bytes": png(), "path": "a/b.png"}] * count, pa.struct({"bytes": pa.binary(), "path": pa.string()})
    )
    rows = pa.table({"img": items, "label": pa.array([label] * count, pa.int64())})
    pq.write_table(rows.replace_schema_metadata({"huggingface": note}), path)
    return path


def test_parquet_file_above_the_limits_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "label 1000000000000 at row 0" in answers(lambda: open_parquet(table(tmp_path / "a", label=10**12)))
    names = json.dumps({"info": {"features": {"label": {"names": ["one"]}}}})
    assert "label 3 with 1 class names" in answers(lambda: open_parquet(table(tmp_path / "b", label=3, note=names)))
    for note in ("{", "[]", '{"info": 3}', '{"info": {"features": {"label": {"names": [3]}}}}', DEEP):
        assert open_parquet(table(tmp_path / "c", note=note)).classes == ("a",)
    path = table(tmp_path / "d", count=20_000)
    assert path.stat().st_size < 100_000  # one picture, repeated
    monkeypatch.setattr(parquet, "MAX_TABLE_BYTES", 500_000)
    assert "more than 500000 bytes; cut it into several files" in answers(lambda: open_parquet(path))


def test_images_of_mixed_size_are_read_at_one_size(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number, size in enumerate([(1, 1), (3, 200), (200, 3), (64, 64)]):
        (tmp_path / "a" / f"{number}.png").write_bytes(png(size))
    pictures = open_folder(tmp_path)
    assert {pictures.decode(i, 16).shape for i in range(len(pictures))} == {(16, 16, 3)}


# ---- ModelNet


def archive(**others: bytes) -> bytes:
    rows = {
        "points_u16": np.ones((2, 4, 3), np.uint16),
        "offset": np.zeros((2, 3)),
        "scale": np.ones(2),
        "label": np.array([0, 1]),
        "id": np.array([b"a", b"b"]),
        "is_test": np.array([False, True]),
        "classes": np.array([b"a", b"b"]),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in rows.items():
            one = io.BytesIO()
            np.save(one, array)
            file.writestr(f"{name}.npy", others.get(name, one.getvalue()))
    return buffer.getvalue()


HEAD = b"\x93NUMPY\x01\x00v\x00"


@pytest.mark.parametrize(
    "field",
    [
        b"no array",  # numpy hands such bytes on
        HEAD + b"{'descr': '<u2', 'fortran_order': False, 'shape': (2, 4, 3)".ljust(117) + b"\n",  # a tokenizer's error
        HEAD + b"{'descr': '<u2', 'fortran_order': False, 'shape': (1000000000000, 4, 3), }".ljust(117) + b"\n",
        HEAD + b"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }".ljust(117) + b"\n" + b"\x80\x04N.",
        HEAD + b"__import__('os').system('false')".ljust(117) + b"\n",
        b"",
    ],
)
def test_modelnet_field_that_is_no_array_is_refused(tmp_path: Path, field: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(archive(points_u16=field))
    assert "unpack modelnet10_points1024 again" in answers(lambda: open_modelnet10(tmp_path / "a.npz"), "a.npz")


def test_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modelnet, "MAX_BYTES", 1 << 20)
    (tmp_path / "a.npz").write_bytes(archive(points_u16=bytes(1 << 24)))
    assert (tmp_path / "a.npz").stat().st_size < 1 << 15
    assert "bytes when unpacked, limit 1048576" in answers(lambda: open_modelnet10(tmp_path / "a.npz"))


@ROBUST
@given(place=st.floats(0, 1), new=st.binary(min_size=1, max_size=8), length=st.integers(0, 9))
def test_damaged_archive_reads_or_is_refused_in_one_line(
    tmp_path_factory: Any, place: float, new: bytes, length: int
) -> None:
    path, whole = tmp_path_factory.getbasetemp() / "a.npz", archive()
    for damaged, name in ((whole, None), (whole[30 + 14 :], "points_u16")):
        at = int(place * len(damaged))
        bytes_ = damaged[:at] + new + damaged[at + length :]
        path.write_bytes(bytes_ if name is None else archive(**{name: bytes_}))
        answers(lambda: open_modelnet10(path), "a.npz")
