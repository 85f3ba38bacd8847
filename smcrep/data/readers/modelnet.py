"""ModelNet10 as point clouds: one npz without pickles, quantised to 16 bits."""

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MAX_BYTES = 1 << 30
"""Of the unpacked fields. All of ModelNet10 with 1,024 points takes 30 MB; zeros pack a thousandfold."""
FIELDS = {  # name -> (kinds of dtype, shape after the s shapes)
    "points_u16": ("u", (None, 3)),
    "offset": ("f", (3,)),
    "scale": ("f", ()),
    "label": ("iu", ()),
    "id": ("SU", ()),
    "is_test": ("b", ()),
}


@dataclass(frozen=True, eq=False)
class Shapes:
    """s shapes as clouds of n points.

    points   float32 [s, n, 3]: z up, in the unit of each CAD file (0.2 to 228,660 large: scale before use)
    labels   int64 [s], into ``classes``
    ids      str [s], such as chair_0001
    is_test  bool [s]: the official split
    report   what was found, copies and leaks, a line each
    """

    points: np.ndarray
    labels: np.ndarray
    ids: np.ndarray
    is_test: np.ndarray
    classes: tuple[str, ...]
    report: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: np.ndarray) -> "Shapes":
        return Shapes(self.points[rows], self.labels[rows], self.ids[rows], self.is_test[rows], self.classes)


def open_modelnet10(path: str | Path) -> Shapes:
    """Fields ``points_u16`` [s, n, 3] uint16, ``offset`` [s, 3], ``scale`` [s], ``label`` [s], ``id`` [s] bytes,
    ``is_test`` [s] bool, ``classes``; points are points_u16 scale + offset. Nothing pickled is ever read."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file; unpack modelnet10_points1024 and give the path of its npz")
    try:
        with zipfile.ZipFile(path) as archive:
            declared = sum(entry.file_size for entry in archive.infolist())
            if declared > MAX_BYTES:
                raise ValueError(f"{declared} bytes when unpacked, limit {MAX_BYTES}")
            found = {name: _field(archive, name) for name in (*FIELDS, "classes")}
    except Exception as error:  # numpy and zipfile raise many kinds for damaged bytes
        raise _wrong(path, " ".join(str(error).split()) or type(error).__name__) from None
    count = len(found["label"]) if found["label"].ndim else 0
    if count == 0:
        raise _wrong(path, "no shapes in it")
    for name, (kinds, shape) in FIELDS.items():
        field = found[name]
        fits = field.shape[:1] == (count,) and field.ndim == 1 + len(shape)
        fits = fits and all(want in (None, have) for want, have in zip(shape, field.shape[1:], strict=True))
        if not fits or field.dtype.kind not in kinds or 0 in field.shape:
            wanted = ", ".join(["s", *("n" if size is None else str(size) for size in shape)])
            raise _wrong(path, f"{name} is {field.dtype} {field.shape} with {count} labels, not [{wanted}]")
    points_u16, offset, scale = found["points_u16"], found["offset"], found["scale"]
    if points_u16.dtype != np.uint16:
        raise _wrong(path, f"points_u16 is {points_u16.dtype}, not uint16")
    bad = ~(np.isfinite(offset).all(1) & np.isfinite(scale) & (scale > 0))
    if bad.any():
        row = int(bad.argmax())
        raise _wrong(path, f"row {row} has scale {scale[row]} and offset {offset[row].tolist()}")
    if found["classes"].ndim != 1 or found["classes"].dtype.kind not in "SU":
        raise _wrong(path, f"classes is {found['classes'].dtype} {found['classes'].shape}, not a list of names")
    classes, ids = tuple(_text(found["classes"]).tolist()), _text(found["id"])
    labels = found["label"].astype(np.int64)
    if labels.min() < 0 or labels.max() >= len(classes):
        raise _wrong(path, f"labels run from {labels.min()} to {labels.max()} with {len(classes)} classes")
    if len(np.unique(ids)) != count:
        raise _wrong(path, f"{count - len(np.unique(ids))} ids occur twice")
    points = points_u16.astype(np.float32)
    points = points * scale[:, None, None].astype(np.float32) + offset[:, None, :].astype(np.float32)
    return Shapes(points, labels, ids, found["is_test"], classes)


def _text(names: np.ndarray) -> np.ndarray:
    return np.char.decode(names, "utf-8", "replace") if names.dtype.kind == "S" else names


def _field(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """An array of the archive, if it is as large as its header declares: numpy would allocate whatever that is."""
    entry = archive.getinfo(f"{name}.npy")
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = head(file)
    if math.prod(shape) * dtype.itemsize > entry.file_size:
        raise ValueError(f"{name} declares {shape} numbers, which is more than it holds")
    with archive.open(entry) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _wrong(path: Path, what: str) -> ValueError:
    return ValueError(f"{path}: not ModelNet10 as points ({what}); unpack modelnet10_points1024 again")
