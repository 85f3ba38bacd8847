"""CIFAR-10 and CIFAR-100, in the binary or the python version of its authors' page (Krizhevsky 2009).

A row of the binary version is its label (CIFAR-100: coarse, then fine), then 1,024 bytes each of red, green and blue,
row by row. The python version is a pickle of the same rows; nothing of it is run (`plain_pickle`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from smcrep.data.readers.encoded import Pictures
from smcrep.data.readers.pixels import PixelRows
from smcrep.data.readers.plain_pickle import read_plain

SIDE, ROW = 32, 3 * 32 * 32


class Layout(NamedTuple):
    """Files of the training and of the test side, without ending; labels before a row, the wanted one last; the key of
    the labels in a pickle; the file of the names of the classes without ending, and its key."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    num_labels: int
    key: str
    names: tuple[str, str, str]
    num_classes: int


CIFAR10 = Layout(
    tuple(f"data_batch_{i}" for i in range(1, 6)),
    ("test_batch",),
    1,
    "labels",
    ("batches.meta.txt", "batches.meta", "label_names"),
    10,
)
CIFAR100 = Layout(("train",), ("test",), 2, "fine_labels", ("fine_label_names.txt", "meta", "fine_label_names"), 100)


def open_cifar10(root: str | Path, split: str = "train") -> Pictures:
    """The folder cifar-10-batches-bin or cifar-10-batches-py; split "train" or "test". Batches that are not there are
    named in the report."""
    return _open(Path(root), CIFAR10, split)


def open_cifar100(root: str | Path, split: str = "train") -> Pictures:
    """The folder cifar-100-binary or cifar-100-python, by its 100 fine classes; split "train" or "test"."""
    return _open(Path(root), CIFAR100, split)


def _open(root: Path, layout: Layout, split: str) -> Pictures:
    if split not in ("train", "test"):
        raise ValueError(f"{root}: split {split!r} is not known; give 'train' or 'test'")
    wanted = layout.train if split == "train" else layout.test
    found = [(path, reader) for name in wanted for path, reader in _versions(root, name) if path.is_file()]
    if not found:
        raise ValueError(f"{root}: no {wanted[0]}.bin and no {wanted[0]} in it; give the unpacked folder of CIFAR")
    batches = [_checked(path, reader, layout) for path, reader in found]
    pixels, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    names = [f"{path.name}/{i}" for (path, _), (rows, _) in zip(found, batches, strict=True) for i in range(len(rows))]
    missing = [name for name in wanted if name not in {path.name.removesuffix(".bin") for path, _ in found}]
    report = [f"{root}: {len(labels)} pictures of {len(np.unique(labels))} classes"]
    report += [f"{root}: {', '.join(missing)} missing; unpack the archive again"] * bool(missing)
    pictures = np.ascontiguousarray(pixels.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))
    return Pictures(PixelRows(pictures), labels, _classes(root, layout), str(root), tuple(names), tuple(report))


Reader = Callable[[bytes, Layout], tuple[np.ndarray, np.ndarray]]


def _versions(root: Path, name: str) -> list[tuple[Path, Reader]]:
    """A folder has one version; of both, the binary one is read."""
    binary = root / f"{name}.bin"
    return [(binary, _binary)] if binary.is_file() else [(root / name, _python)]


def _checked(path: Path, reader: Reader, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [n, 3072] and int64 [n] of one file."""
    try:
        pixels, labels = reader(path.read_bytes(), layout)
        if not len(labels):
            raise ValueError("no rows in it")
        if labels.min() < 0 or labels.max() >= layout.num_classes:
            raise ValueError(f"labels run from {labels.min()} to {labels.max()} with {layout.num_classes} classes")
        return pixels, labels
    except ValueError as error:
        raise ValueError(f"{path}: not a batch of CIFAR ({error}); unpack the archive again") from None


def _binary(content: bytes, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    size = layout.num_labels + ROW
    if len(content) % size:
        raise ValueError(f"{len(content)} bytes are {len(content) / size:.2f} rows of {size}, so it is cut short")
    rows = np.frombuffer(content, np.uint8).reshape(-1, size)
    return rows[:, layout.num_labels :], rows[:, layout.num_labels - 1].astype(np.int64)


def _python(content: bytes, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    batch = read_plain(content)
    if missing := [key for key in ("data", layout.key) if key not in batch]:
        raise ValueError(f"no {missing[0]!r} in it")
    pixels, labels = batch["data"], np.asarray(batch[layout.key])
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape != (len(labels), ROW):
        raise ValueError(f"'data' is no uint8 [{len(labels)}, {ROW}], one row a label")
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(f"{layout.key!r} is {labels.dtype}, not whole numbers")
    return pixels, labels.astype(np.int64)


def _classes(root: Path, layout: Layout) -> tuple[str, ...]:
    """Names from the folder's own list; numbers where it has none."""
    text, plain, key = layout.names
    if (root / text).is_file():
        names = (root / text).read_text(encoding="utf-8", errors="replace").split()
    elif (root / plain).is_file():
        try:
            listed = read_plain((root / plain).read_bytes()).get(key, ())
        except ValueError as error:
            raise ValueError(f"{root / plain}: not the names of the classes ({error}); unpack again") from None
        names = [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in listed]
    else:
        return tuple(str(i) for i in range(layout.num_classes))
    if len(names) != layout.num_classes:
        raise ValueError(f"{root}: {len(names)} names of classes, not {layout.num_classes}; unpack the archive again")
    return tuple(names)
