"""A folder of point clouds, one file each, as a source of observations."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from smcrep.data.readers.source import Rows, fingerprint_of, inside, read_each

EXTENSIONS = (".npy", ".ply", ".pcd", ".xyz", ".txt", ".csv")
MAX_FILE_BYTES = 256 << 20
"""Of one cloud: some 20 million points."""


class CloudFiles:
    """Every cloud below ``root`` in alphabetic order of its path: metres, camera frame (x right, y down, z forward).

    .npy            float [n, 3 or more]: x, y, z first
    .ply, .pcd      as Open3D reads them (points alone)
    .xyz, .txt, .csv  a point a line, numbers divided by spaces or commas
    """

    senses = ("points",)
    faults: tuple[str, ...] = ()

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.where = str(root)
        if not self.root.is_dir():
            raise ValueError(f"{root}: no such folder of point clouds; check the path")
        self.files = sorted(p for p in self.root.rglob("*") if p.suffix.lower() in EXTENSIONS)
        if not self.files:
            raise ValueError(f"{root}: no point clouds in it; expected files that end in {', '.join(EXTENSIONS)}")
        self.report = (f"{root}: {len(self.files)} clouds",)

    @property
    def num_rows(self) -> int:
        return len(self.files)

    @property
    def row_bytes(self) -> int:
        return 1 << 20

    def fingerprint(self) -> str:
        return fingerprint_of(self.root, self.files)

    def read(self, rows: range, senses: Sequence[str]) -> Rows:
        return read_each(rows, senses, lambda row: {"points": self._cloud(row)})

    def _cloud(self, row: int) -> np.ndarray:
        name = self._name(row)
        try:
            return read_cloud(inside(self.root, name))
        except Exception as error:
            raise ValueError(f"{name}: not a readable cloud ({error})") from None

    def index(self, rows: range) -> dict[str, list[str]]:
        """file, its path below the folder; class, the first folder of it."""
        names = [self._name(row) for row in rows]
        return {"file": names, "class": [name.partition("/")[0] if "/" in name else "" for name in names]}

    def _name(self, row: int) -> str:
        return self.files[row].relative_to(self.root).as_posix()


def read_cloud(path: Path) -> np.ndarray:
    """float32 [n, 3] of one file; ValueError where it holds none."""
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        raise ValueError(f"{size} bytes, limit {MAX_FILE_BYTES}")
    points = _numbers(path)
    if points.ndim != 2 or points.shape[1] < 3 or points.dtype.kind not in "fiu":
        raise ValueError(f"{points.dtype} {list(points.shape)}, expected numbers [n, 3]")
    if not len(points):
        raise ValueError("no points in it")
    return np.ascontiguousarray(points[:, :3], np.float32)


def _numbers(path: Path) -> np.ndarray:
    ending = path.suffix.lower()
    if ending == ".npy":
        return np.load(path, allow_pickle=False)
    if ending in (".ply", ".pcd"):
        import open3d as o3d  # an extra, and slow to import

        with o3d.utility.VerbosityContextManager(o3d.utility.VerbosityLevel.Error):
            return np.asarray(o3d.io.read_point_cloud(path).points)
    lines = path.read_text(encoding="utf-8").replace(",", " ").splitlines()
    return np.loadtxt(lines, ndmin=2)
