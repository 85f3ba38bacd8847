"""A folder of point clouds, one file each, as a source of observations."""

from pathlib import Path

import numpy as np

from smcrep.data.readers.file_rows import FileRows

EXTENSIONS = (".npy", ".ply", ".pcd", ".xyz", ".txt", ".csv")
MAX_FILE_BYTES = 256 << 20
"""Of one cloud: some 20 million points."""


class CloudFiles(FileRows):
    """Every cloud below ``root``: metres, camera frame (x right, y down, z forward).

    .npy            float [n, 3 or more]: x, y, z first
    .ply, .pcd      as Open3D reads them (points alone)
    .xyz, .txt, .csv  a point a line, numbers divided by spaces or commas
    """

    senses = ("points",)
    extensions = EXTENSIONS
    kind, plural = "cloud", "clouds"

    def one(self, path: Path) -> np.ndarray:
        return read_cloud(path)


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
