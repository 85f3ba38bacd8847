"""STL-10 in its authors' binary files (Coates, Ng & Lee 2011): 96 x 96 pixels by columns, three colours apart."""

from pathlib import Path

import numpy as np

from smcrep.data.readers.encoded import Pictures
from smcrep.data.readers.pixels import PixelRows

SIDE = 96
ROW = 3 * SIDE * SIDE
CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
"""In the order of the labels 1 to 10, for folders without class_names.txt."""
UNLABELLED = "unlabeled"


def open_stl10(root: str | Path, split: str = "train") -> Pictures:
    """The folder stl10_binary; split "train" (5,000), "test" (8,000) or "unlabeled" (100,000, all labels 0, one class).
    The file is mapped, not read: the memory is that of the pictures that are decoded."""
    root = Path(root)
    if split not in ("train", "test", UNLABELLED):
        raise ValueError(f"{root}: split {split!r} is not known; give 'train', 'test' or {UNLABELLED!r}")
    path = root / f"{split}_X.bin"
    size = path.stat().st_size if path.is_file() else 0
    if not size:
        raise ValueError(f"{path}: no such file, or an empty one; give the unpacked folder stl10_binary")
    if size % ROW:
        raise ValueError(
            f"{path}: {size} bytes are {size / ROW:.2f} pictures of {ROW}, so it is cut short; unpack again"
        )
    pixels = np.memmap(path, np.uint8, mode="r").reshape(-1, 3, SIDE, SIDE).transpose(0, 3, 2, 1)
    names = tuple(f"{path.name}/{i}" for i in range(len(pixels)))
    if split == UNLABELLED:
        labels, classes = np.zeros(len(pixels), np.int64), (UNLABELLED,)
    else:
        labels, classes = _labels(root / f"{split}_y.bin", len(pixels)), _classes(root / "class_names.txt")
    report = (f"{root}: {len(pixels)} pictures of {len(np.unique(labels))} classes",)
    return Pictures(PixelRows(pixels), labels, classes, str(root), names, report)


def _labels(path: Path, num: int) -> np.ndarray:
    """int64 [num], from 0."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file; unpack stl10_binary again")
    labels = np.frombuffer(path.read_bytes(), np.uint8).astype(np.int64) - 1
    if len(labels) != num:
        raise ValueError(f"{path}: {len(labels)} labels for {num} pictures; unpack stl10_binary again")
    if labels.min() < 0 or labels.max() >= len(CLASSES):
        raise ValueError(f"{path}: labels run from {labels.min() + 1} to {labels.max() + 1}, not 1 to 10; unpack again")
    return labels


def _classes(path: Path) -> tuple[str, ...]:
    names = tuple(path.read_text(encoding="utf-8", errors="replace").split()) if path.is_file() else CLASSES
    if len(names) != len(CLASSES):
        raise ValueError(f"{path}: {len(names)} names of classes, not {len(CLASSES)}; unpack stl10_binary again")
    return names
