"""Labelled point clouds, one file each: CLASS/train/NAME.npy and CLASS/test/NAME.npy, as ModelNet lies."""

from pathlib import Path

import numpy as np

from smcrep.data.readers.cloud_files import EXTENSIONS, read_cloud
from smcrep.data.readers.modelnet import Shapes
from smcrep.data.readers.repeats import copy_groups, repeats_report
from smcrep.data.readers.source import inside, one_line

SIDES = ("train", "test")


def open_cloud_folder(root: str | Path, num_points: int) -> Shapes:
    """``root/CLASS/train/*`` and ``root/CLASS/test/*`` of the formats of `cloud_files.EXTENSIONS`, in alphabetic order,
    of each the first ``num_points`` points (the first 1,024 of 2,048 are what papers take). A file that cannot be read
    or holds fewer is left out and has its line in the report."""
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder of clouds; check the path")
    paths = sorted(p for side in SIDES for p in root.glob(f"*/{side}/*") if _is_cloud(p.relative_to(root)))
    if not paths:
        raise ValueError(f"{root}: no clouds in it; expected {root.resolve().name}/CLASS/train/NAME.npy and .../test/")
    classes = tuple(sorted({p.relative_to(root).parts[0] for p in paths}))
    clouds, kept, failed = [], [], []
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            cloud = read_cloud(inside(root, name))
            if len(cloud) < num_points:
                raise ValueError(f"{len(cloud)} points, {num_points} wanted")
            if not np.isfinite(cloud).all():
                raise ValueError("points that are not finite")
            clouds.append(cloud[:num_points])
            kept.append(name)
        except Exception as error:  # numpy and Open3D raise many kinds for damaged bytes
            failed.append(f"{root}: {name} is left out ({one_line(error)})")
    if not kept:
        raise ValueError(f"{failed[0]}; so are all {len(failed)} clouds; give other files or fewer points")
    points, ids = np.stack(clouds), np.array([name.rpartition(".")[0] for name in kept])
    labels = np.array([classes.index(name.split("/")[0]) for name in kept], np.int64)
    is_test = np.array([name.split("/")[1] == "test" for name in kept])
    groups = copy_groups(cloud.tobytes() for cloud in points)
    empty = [f"{root}: class {classes[i]!r} has no cloud left" for i in range(len(classes)) if i not in set(labels)]
    report = (f"{root}: {len(kept)} clouds of {len(set(labels))} classes, {int(is_test.sum())} of them for tests",)
    report += (*failed, *empty, *repeats_report(str(root), ids.tolist(), groups, is_test))
    return Shapes(points, labels, ids, is_test, classes, report)


def _is_cloud(relative: Path) -> bool:
    return relative.suffix.lower() in EXTENSIONS and not any(part.startswith(".") for part in relative.parts)
