"""Fields are read as written; any damage gives an error of one line; nothing pickled is opened."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smcrep.data.readers.modelnet import open_modelnet10

REAL = Path(os.environ.get("SMCREP_DATA", Path.home() / ".cache/smcrep/data")) / "modelnet10_points1024"


def fields(**others: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "points_u16": rng.integers(0, 65536, (4, 40, 3)).astype(np.uint16),
        "offset": rng.normal(size=(4, 3)),
        "scale": np.array([1e-5, 2e-5, 1e-3, 1.0]),
        "label": np.array([0, 1, 1, 0]),
        "id": np.array([b"bed_0001", b"desk_0001", b"desk_0002", b"bed_0002"]),
        "is_test": np.array([False, False, True, True]),
        "classes": np.array([b"bed", b"desk"]),
    } | others


def test_fields_are_read_as_written(tmp_path: Path) -> None:
    given = fields()
    np.savez(tmp_path / "a.npz", **given)
    shapes = open_modelnet10(tmp_path / "a.npz")
    assert (len(shapes), shapes.classes, shapes.ids.tolist()[1]) == (4, ("bed", "desk"), "desk_0001")
    assert (shapes.points.dtype, shapes.labels.dtype, shapes.is_test.dtype) == (np.float32, np.int64, np.bool_)
    for i in range(4):
        exact = given["points_u16"][i].astype(np.float64) * given["scale"][i] + given["offset"][i]
        np.testing.assert_allclose(shapes.points[i], exact, rtol=1e-6, atol=1e-6)
    some = shapes[np.array([2, 0])]
    assert some.ids.tolist() == ["desk_0002", "bed_0001"]
    assert some.is_test.tolist() == [True, False]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"points_u16": np.zeros((4, 40, 2), np.uint16)}, r"points_u16 is uint16 \(4, 40, 2\) with 4 labels"),
        ({"points_u16": np.zeros((4, 0, 3), np.uint16)}, r"not \[s, n, 3\]"),
        ({"points_u16": np.zeros((3, 40, 3), np.uint16)}, r"\(3, 40, 3\) with 4 labels"),
        ({"points_u16": np.zeros((4, 40, 3), np.uint8)}, "points_u16 is uint8, not uint16"),
        ({"points_u16": np.zeros((4, 40, 3), np.float32)}, "points_u16 is float32"),
        ({"offset": np.zeros(4)}, r"offset is float64 \(4,\)"),
        ({"offset": np.full((4, 3), np.nan)}, "row 0 has scale"),
        ({"scale": np.array([1.0, -1.0, 1.0, 1.0])}, "row 1 has scale -1.0"),
        ({"scale": np.array([1, 1, 1, 1])}, "scale is int64"),
        ({"label": np.array([0, 1, 2, 0])}, "labels run from 0 to 2 with 2 classes"),
        ({"label": np.array([0, -1, 1, 0])}, "labels run from -1"),
        ({"label": np.zeros(0, int)}, "no shapes in it"),
        ({"label": np.array(1)}, "no shapes in it"),
        ({"is_test": np.array([0, 0, 1, 1])}, "is_test is int64"),
        ({"id": np.array([b"a", b"a", b"b", b"c"])}, "1 ids occur twice"),
        ({"classes": np.array([0, 1])}, "classes is int64"),
    ],
)
def test_invalid_field_is_refused_by_name(tmp_path: Path, wrong: dict[str, Any], words: str) -> None:
    np.savez(tmp_path / "a.npz", **fields(**wrong))
    with pytest.raises(ValueError, match=words) as caught:
        open_modelnet10(tmp_path / "a.npz")
    assert_one_line(str(caught.value), tmp_path / "a.npz")


@pytest.mark.parametrize("name", list(fields()))
def test_missing_field_is_refused_by_name(tmp_path: Path, name: str) -> None:
    given = fields()
    del given[name]
    np.savez(tmp_path / "a.npz", **given)
    with pytest.raises(ValueError, match=name) as caught:
        open_modelnet10(tmp_path / "a.npz")
    assert_one_line(str(caught.value), tmp_path / "a.npz")


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (open_trap, ("pickled code ran",))


def open_trap(words: str) -> None:
    raise AssertionError(words)


def test_pickled_content_is_never_opened(tmp_path: Path) -> None:
    inside = np.empty(4, object)
    inside[:] = [Bomb()] * 4
    np.savez(tmp_path / "inside.npz", **fields(id=inside))
    (tmp_path / "bare.npz").write_bytes(pickle.dumps(Bomb()))
    for name in ("inside.npz", "bare.npz"):
        with pytest.raises(ValueError, match="pickle") as caught:
            open_modelnet10(tmp_path / name)
        assert_one_line(str(caught.value), tmp_path / name)


def test_files_that_are_no_archive_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file; unpack"):
        open_modelnet10(tmp_path / "gone.npz")
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "text.npz").write_text("not an archive")
    np.savez_compressed(tmp_path / "whole.npz", **fields())
    whole = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    for name in ("array.npy", "empty.npz", "text.npz", "cut.npz"):
        with pytest.raises(ValueError, match="not ModelNet10 as points") as caught:
            open_modelnet10(tmp_path / name)
        assert_one_line(str(caught.value), tmp_path / name)
    rng, refused = np.random.default_rng(0), 0
    for _ in range(60):
        broken = bytearray(whole)
        for at in rng.integers(0, len(whole), 5):
            broken[at] = rng.integers(256)
        (tmp_path / "broken.npz").write_bytes(broken)
        try:
            open_modelnet10(tmp_path / "broken.npz")
        except ValueError as error:
            refused += 1
            complaint = str(error)
            assert_one_line(complaint, tmp_path / "broken.npz")
    assert refused > 30


def assert_one_line(text: str, path: Path) -> None:
    assert text.startswith(str(path))
    assert "\n" not in text
    assert "unpack modelnet10_points1024" in text


@pytest.mark.skipif(not REAL.is_dir(), reason="modelnet10_points1024 is not here (SMCREP_DATA)")
def test_official_split_is_complete() -> None:
    shapes = open_modelnet10(REAL / "modelnet10_points1024.npz")
    assert shapes.points.shape == (4899, 1024, 3)
    assert (int((~shapes.is_test).sum()), int(shapes.is_test.sum())) == (3991, 908)
    assert shapes.classes[0] == "bathtub"
    assert all(i.startswith(shapes.classes[c]) for i, c in zip(shapes.ids, shapes.labels, strict=True))
