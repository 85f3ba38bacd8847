"""Point clouds in HDF5: ModelNet40 as PointNet's authors sampled it, and ScanObjectNN (Uy et al. 2019)."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from smcrep.data.readers.modelnet import Shapes
from smcrep.data.readers.repeats import copy_groups, repeats_report
from smcrep.data.readers.source import one_line

MAX_BYTES = 1 << 30
"""Of the points of one file. ModelNet40's largest has 50 MB, ScanObjectNN's (augmented, 11,416 clouds) 280 MB."""
SCANS = (
    *("bag", "bin", "box", "cabinet", "chair", "desk", "display", "door", "shelf", "table", "bed", "pillow"),
    *("sink", "sofa", "toilet"),
)
"""Classes of ScanObjectNN, in the order of its labels."""


def open_modelnet_hdf5(root: str | Path) -> Shapes:
    """The folder modelnet40_ply_hdf5_2048: ``train_files.txt`` and ``test_files.txt`` name its files, each with
    ``data`` float [n, 2048, 3] and ``label`` [n, 1]; ``shape_names.txt`` the classes. Points are y up, in the
    unit sphere; ids come from the ``..._id2file.json`` beside each file where it is there.

    The training side has 9,840 shapes, 3 fewer than the meshes.
    """
    root = Path(root)
    classes = tuple(_lines(root / "shape_names.txt"))
    sides = {name: _listed(root, f"{name}_files.txt") for name in ("train", "test")}
    files = [path for paths in sides.values() for path in paths]
    return _joined(root, files, [path in sides["test"] for path in files], classes)


def open_scanobjectnn(root: str | Path, variant: str = "objectdataset") -> Shapes:
    """A folder such as h5_files/main_split: ``training_VARIANT.h5`` and ``test_VARIANT.h5``. Of main_split (with
    background: OBJ_BG) and main_split_nobg (OBJ_ONLY) take "objectdataset"; the hardest set, PB_T50_RS, is
    "objectdataset_augmentedrot_scale75". y up, in metres, about the centre of each scan."""
    root = Path(root)
    files = [root / f"{side}_{variant}.h5" for side in ("training", "test")]
    return _joined(root, files, [False, True], SCANS)


def read_hdf5_clouds(path: Path, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """float32 [n, p, 3] and int64 [n] of ``data`` and ``label`` of one file. ValueError in one line for any other."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file; unpack the archive and give its folder")
    import h5py  # an extra

    try:
        with h5py.File(path, "r") as file:
            points, labels = _dataset(file, "data"), _dataset(file, "label")
    except Exception as error:  # h5py raises many kinds for damaged bytes
        raise _wrong(path, one_line(error)) from None
    if points.ndim != 3 or points.shape[-1] < 3 or points.dtype.kind != "f" or 0 in points.shape:
        raise _wrong(path, f"data is {points.dtype} {list(points.shape)}, not float [n, p, 3]")
    if labels.shape not in ((len(points),), (len(points), 1)) or labels.dtype.kind not in "iu":
        raise _wrong(path, f"label is {labels.dtype} {list(labels.shape)} for {len(points)} clouds")
    labels = labels.reshape(-1).astype(np.int64)
    if labels.min() < 0 or labels.max() >= num_classes:
        raise _wrong(path, f"labels run from {labels.min()} to {labels.max()} with {num_classes} classes")
    points = points[..., :3].astype(np.float32)
    if bad := np.flatnonzero(~np.isfinite(points).all((1, 2))).tolist():
        raise _wrong(path, f"cloud {bad[0]} is not finite, {len(bad)} in all")
    if empty := np.flatnonzero((points == points[:, :1]).all((1, 2))).tolist():
        raise _wrong(path, f"cloud {empty[0]} is empty: all its points are one; {len(empty)} in all")
    return points, labels


def _dataset(file: Mapping[str, Any], name: str) -> np.ndarray:
    found = file[name]
    if found.size * found.dtype.itemsize > MAX_BYTES:
        raise ValueError(f"{name} declares {list(found.shape)} of {found.dtype}, limit {MAX_BYTES} bytes")
    return found[()]


def _joined(root: Path, files: Sequence[Path], is_test: Sequence[bool], classes: tuple[str, ...]) -> Shapes:
    parts = [read_hdf5_clouds(path, len(classes)) for path in files]
    if len(sizes := {points.shape[1] for points, _ in parts}) > 1:
        raise ValueError(f"{root}: clouds of {sorted(sizes)} points in its files; give files of one size")
    points, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
    ids = np.array([name for path, (_, own) in zip(files, parts, strict=True) for name in _ids(path, len(own))])
    tested = np.repeat(is_test, [len(own) for _, own in parts])
    groups = copy_groups(cloud.tobytes() for cloud in points)
    report = (
        f"{root}: {len(labels)} clouds of {len(np.unique(labels))} classes, {int(tested.sum())} of them for tests",
    )
    return Shapes(
        points, labels, ids, tested, classes, report + repeats_report(str(root), ids.tolist(), groups, tested)
    )


def _ids(path: Path, num: int) -> list[str]:
    """From FILE_id2file.json, as ``ply_data_train_0_id2file.json`` beside ``ply_data_train0.h5``; else FILE/row."""
    stem = path.stem.rstrip("0123456789")
    listed = path.with_name(f"{stem}_{path.stem[len(stem) :]}_id2file.json")
    if listed.is_file():
        try:
            names = json.loads(listed.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{listed}: not JSON ({one_line(error)}); unpack the archive again") from None
        if not isinstance(names, list) or len(names) != num:
            raise ValueError(f"{listed}: not a list of {num} names; unpack the archive again")
        return [f"{path.stem}/{name}" for name in names]
    return [f"{path.stem}/{row}" for row in range(num)]


def _listed(root: Path, name: str) -> list[Path]:
    """The files of a list, by their names alone: its folders are those of its authors' machine."""
    return [root / line.rsplit("/", 1)[-1] for line in _lines(root / name)]


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise ValueError(f"{path}: no such file; give the unpacked folder modelnet40_ply_hdf5_2048")
    found = path.read_text(encoding="utf-8", errors="replace").split()
    if not found:
        raise ValueError(f"{path}: nothing in it; unpack the archive again")
    return found


def _wrong(path: Path, what: str) -> ValueError:
    return ValueError(f"{path}: not point clouds in HDF5 ({what}); unpack the archive again")
