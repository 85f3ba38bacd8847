"""CIFAR and STL-10: planted pixels come out where they were put, by both versions; nothing of a pickle is run; damage
is one line."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smcrep.data.readers.cifar import open_cifar10, open_cifar100
from smcrep.data.readers.encoded import Pictures, unreadable
from smcrep.data.readers.images import AugmentedImages
from smcrep.data.readers.pixels import PixelRows
from smcrep.data.readers.repeats import copy_groups, leaked, repeats_report
from smcrep.data.readers.stl10 import open_stl10
from tests.data.hostile import ROBUST, answers

NAMES = [f"class{i}" for i in range(10)]


def pictures(num: int, side: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (num, side, side, 3)).astype(np.uint8)


def planes(images: np.ndarray) -> bytes:
    """Red, green and blue apart, each row by row, in plain loops."""
    return bytes(int(image[y, x, c]) for image in images for c in range(3) for y in range(32) for x in range(32))


def write_binary(root: Path, name: str, images: np.ndarray, labels: list[tuple[int, ...]]) -> None:
    root.mkdir(exist_ok=True)
    rows = [bytes(label) + planes(image[None]) for label, image in zip(labels, images, strict=True)]
    (root / name).write_bytes(b"".join(rows))


def shown(found: Pictures) -> np.ndarray:
    return np.stack([found.decode(i, found.files.array.shape[1]) for i in range(len(found))])  # type: ignore[attr-defined]


def test_binary_rows_are_label_then_three_planes(tmp_path: Path) -> None:
    images = pictures(5, 32)
    write_binary(tmp_path, "data_batch_1.bin", images[:3], [(1,), (0,), (9,)])
    write_binary(tmp_path, "data_batch_3.bin", images[3:], [(4,), (4,)])
    (tmp_path / "batches.meta.txt").write_text("\n".join(NAMES))
    found = open_cifar10(tmp_path)
    assert found.labels.tolist() == [1, 0, 9, 4, 4]
    assert found.classes == tuple(NAMES)
    np.testing.assert_array_equal(shown(found), images)
    assert found.names[3] == "data_batch_3.bin/0"
    assert "5 pictures of 4 classes" in found.report[0]
    assert "data_batch_2, data_batch_4, data_batch_5 missing" in found.report[1]
    assert unreadable(found, 5) == {}


def test_second_label_of_cifar100_is_the_fine_one(tmp_path: Path) -> None:
    images = pictures(2, 32)
    write_binary(tmp_path, "test.bin", images, [(3, 70), (19, 99)])
    found = open_cifar100(tmp_path, "test")
    assert found.labels.tolist() == [70, 99]
    assert found.classes[70] == "70"
    np.testing.assert_array_equal(shown(found), images)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_python_batches_are_the_same_pictures(tmp_path: Path, protocol: int) -> None:
    images = pictures(4, 32)
    data = np.frombuffer(planes(images), np.uint8).reshape(4, 3072)
    batch = {b"batch_label": b"testing batch", b"labels": [3, 1, 1, 7], b"data": data, b"filenames": [b"a.png"] * 4}
    (tmp_path / "test_batch").write_bytes(pickle.dumps(batch, protocol))
    (tmp_path / "batches.meta").write_bytes(pickle.dumps({b"label_names": [n.encode() for n in NAMES]}, protocol))
    found = open_cifar10(tmp_path, "test")
    assert found.labels.tolist() == [3, 1, 1, 7]
    assert found.classes == tuple(NAMES)
    np.testing.assert_array_equal(shown(found), images)


def test_batch_as_python_2_wrote_it(tmp_path: Path) -> None:
    """Its texts are byte strings, keys, dtype and pixels too: the archive on the authors' page."""
    images = pictures(1, 32)
    text = lambda s: b"U" + bytes([len(s)]) + s
    dtype = (
        b"cnumpy\ndtype\n"
        + text(b"u1")
        + b"K\x00K\x01\x87R(K\x03"
        + text(b"|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
    pixels = b"T" + (3072).to_bytes(4, "little") + planes(images)
    array = empty + b"(K\x01K\x01M\x00\x0c\x86" + dtype + b"\x89" + pixels + b"tb"
    batch = b"\x80\x02}(" + text(b"data") + array + text(b"labels") + b"]K\x05au."
    (tmp_path / "test_batch").write_bytes(batch)
    found = open_cifar10(tmp_path, "test")
    assert found.labels.tolist() == [5]
    np.testing.assert_array_equal(shown(found), images)


class Bomb:
    """Unpickled, it makes a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    content = pickle.dumps({b"data": Bomb(mark), b"labels": [0]}, 2)
    (tmp_path / "test_batch").write_bytes(content)
    assert "mkdir, which is not numbers; nothing of it is run" in answers(lambda: open_cifar10(tmp_path, "test"))
    assert not mark.exists()


def array_pickle(**others: Any) -> bytes:
    rows = {"data": np.zeros((2, 3072), np.uint8), "labels": [0, 1]} | others
    return pickle.dumps({key.encode(): value for key, value in rows.items()}, 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (array_pickle()[:-900], "test_batch: not a batch of CIFAR"),
        (array_pickle(data=np.zeros((2, 3071), np.uint8)), r"no uint8 \[2, 3072\]"),
        (array_pickle(data=np.zeros((2, 3072))), "no uint8"),
        (array_pickle(data=[1, 2]), "no uint8"),
        (array_pickle(data=np.array([{}, 1], object)), "holds something else"),
        (array_pickle(labels=[0, 10]), "labels run from 0 to 10 with 10 classes"),
        (array_pickle(labels=["a", "b"]), "not whole numbers"),
        (array_pickle(labels=[], data=np.zeros((0, 3072), np.uint8)), "not whole numbers|no rows"),
        (pickle.dumps({b"data": 1}), "no 'labels' in it"),
        (pickle.dumps([1]), "a list, not a dictionary"),
        (b"", "not a batch of CIFAR"),
        (b"\x80\x02X\xff\xff\xff\x7f", "not a batch of CIFAR"),
    ],
)
def test_damaged_python_batch_is_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        open_cifar10(tmp_path, "test")
    answers(lambda: open_cifar10(tmp_path, "test"), "test_batch")


@ROBUST
@given(place=st.floats(0, 0.999), new=st.binary(min_size=1, max_size=8), length=st.integers(0, 9))
def test_damaged_pickle_reads_or_is_refused_in_one_line(
    tmp_path_factory: Any, place: float, new: bytes, length: int
) -> None:
    folder, whole = tmp_path_factory.getbasetemp() / "cifar", array_pickle()
    folder.mkdir(exist_ok=True)
    at = int(place * 120) if place < 0.8 else int(place * len(whole))  # most of the structure is at the start
    (folder / "test_batch").write_bytes(whole[:at] + new + whole[at + length :])
    answers(lambda: open_cifar10(folder, "test"), "test_batch")


def test_truncated_binary_batch_is_one_line(tmp_path: Path) -> None:
    write_binary(tmp_path, "test_batch.bin", pictures(2, 32), [(1,), (2,)])
    path = tmp_path / "test_batch.bin"
    path.write_bytes(path.read_bytes()[:-5])
    assert "6141 bytes are 2.00 rows of 3073, so it is cut short" in answers(lambda: open_cifar10(tmp_path, "test"))
    path.write_bytes(b"")
    assert "no rows in it" in answers(lambda: open_cifar10(tmp_path, "test"), str(path))
    path.write_bytes(bytes([10]) + bytes(3072))
    assert "labels run from 10 to 10" in answers(lambda: open_cifar10(tmp_path, "test"))
    (tmp_path / "batches.meta.txt").write_text("one two")
    path.write_bytes(bytes(3073))
    assert "2 names of classes, not 10" in answers(lambda: open_cifar10(tmp_path, "test"))
    assert "give the unpacked folder" in answers(lambda: open_cifar10(tmp_path / "nowhere"))
    assert "give 'train' or 'test'" in answers(lambda: open_cifar10(tmp_path, "val"))


def test_views_of_cifar_are_transitions(tmp_path: Path) -> None:
    images = pictures(3, 32)
    write_binary(tmp_path, "test_batch.bin", images, [(1,), (2,), (1,)])
    source = AugmentedImages(open_cifar10(tmp_path, "test"), image_size=32, num_branches=2, seed=0)
    transition, targets = source.load(np.array([2, 0]), epoch=0)
    np.testing.assert_array_equal(transition.before["rgb"].numpy(), images[[2, 0]])
    assert transition.after["rgb"].shape == (2, 2, 32, 32, 3)
    assert targets.class_id.tolist() == [1, 1]


# ---- STL-10


def write_stl(root: Path, split: str, images: np.ndarray, labels: list[int] | None) -> None:
    """Column by column, in plain loops."""
    columns = [image[:, x, c].tobytes() for image in images for c in range(3) for x in range(96)]
    (root / f"{split}_X.bin").write_bytes(b"".join(columns))
    if labels:
        (root / f"{split}_y.bin").write_bytes(bytes(labels))


def test_stl10_is_by_columns_and_counts_from_one(tmp_path: Path) -> None:
    images = pictures(3, 96)
    write_stl(tmp_path, "train", images, [1, 10, 2])
    found = open_stl10(tmp_path)
    assert found.labels.tolist() == [0, 9, 1]
    assert found.classes[9] == "truck"
    np.testing.assert_array_equal(shown(found), images)
    write_stl(tmp_path, "unlabeled", images[:2], None)
    assert len(open_stl10(tmp_path, "unlabeled")) == 2


def test_damaged_stl10_is_one_line(tmp_path: Path) -> None:
    write_stl(tmp_path, "test", pictures(2, 96), [1, 11])
    assert "labels run from 1 to 11" in answers(lambda: open_stl10(tmp_path, "test"), "test_y.bin")
    (tmp_path / "test_y.bin").write_bytes(bytes([1]))
    assert "1 labels for 2 pictures" in answers(lambda: open_stl10(tmp_path, "test"))
    path = tmp_path / "test_X.bin"
    path.write_bytes(path.read_bytes()[:-1])
    assert "cut short" in answers(lambda: open_stl10(tmp_path, "test"), "test_X.bin")
    path.write_bytes(b"")
    assert "an empty one" in answers(lambda: open_stl10(tmp_path, "test"))
    assert "is not known" in answers(lambda: open_stl10(tmp_path, "val"))


# ---- copies and leaks


def test_copies_and_leaks_are_counted_by_the_first_example() -> None:
    items = [b"a", b"b", b"a", b"c", b"b", b"d", b"d"]
    is_test = np.array([False, False, False, True, True, True, True])
    groups = copy_groups(items)
    assert groups.tolist() == [0, 1, 0, 2, 1, 3, 3]
    assert leaked(groups, is_test).tolist() == [1]
    names = [f"item{i}" for i in range(7)]
    assert repeats_report("here", names, groups, is_test) == (
        "here: 1 of 3 training items are copies: item2 of item0",
        "here: 1 of 4 test items are copies: item6 of item5",
        "here: 1 training items are copies of test items: item1 of item4; leave them out",
    )
    assert repeats_report("here", names, np.arange(7), is_test) == ()


def test_copies_of_pictures_are_found_through_their_bytes() -> None:
    images = pictures(3, 32)
    assert copy_groups(PixelRows(np.stack([images[0], images[1], images[0]]))).tolist() == [0, 1, 0]
    assert "give uint8" in answers(lambda: PixelRows(images[0]))
