"""Planted copies are found and nothing else: sampled again, in quarter turns, moved, scaled, joined in chains."""

import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from smcrep.data.duplicates import THRESHOLD, near_duplicates, near_pairs, profiles

OFF = Path(os.environ.get("SMCREP_DATA", Path.home() / ".cache/smcrep/data")) / "modelnet10_off_sample"


def box(size: np.ndarray, rng: np.random.Generator, num_points: int = 1024) -> np.ndarray:
    """An open box with a fin (so that no turn but the whole one maps it on itself), evenly sampled by
    farthest points."""
    x, y, z = size
    many = 3 * num_points
    faces = [
        ((0, 0, 0), (x, 0, 0), (0, y, 0)),
        ((0, 0, 0), (0, y, 0), (0, 0, z)),
        ((0, y, 0), (x, 0, 0), (0, 0, z / 2)),
    ]
    faces += [((x, 0, 0), (0, y, 0), (0, 0, z)), ((0.3 * x, 0.2 * y, z), (0.5 * x, 0, 0), (0, 0, 0.7 * z))]
    area = np.array([np.linalg.norm(np.cross(u, v)) for _, u, v in faces])
    which = rng.choice(len(faces), many, p=area / area.sum())
    at, u, v = (np.array([f[i] for f in faces], float)[which] for i in range(3))
    points = at + rng.random((many, 1)) * u + rng.random((many, 1)) * v
    return farthest(points, num_points)


def farthest(points: np.ndarray, count: int) -> np.ndarray:
    chosen, distance = [0], np.linalg.norm(points - points[0], axis=1)
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return points[chosen]


def turned(cloud: np.ndarray, quarter: int) -> np.ndarray:
    return cloud @ np.linalg.matrix_power(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), quarter).T


@pytest.fixture(scope="module")
def planted() -> np.ndarray:
    """[12, 512, 3]: three shapes, each sampled four times, turned, moved and scaled."""
    rng = np.random.default_rng(0)
    sizes = np.array([[1.0, 0.6, 0.4], [1.0, 0.6, 0.5], [0.8, 0.7, 1.3]])
    return np.stack(
        [turned(box(sizes[i // 4], rng, 512), i % 4) * 10.0 ** (i % 3) + rng.normal(size=3) * 50 for i in range(12)]
    )


def test_planted_copies_are_found_and_nothing_else(planted: np.ndarray) -> None:
    groups = near_duplicates(planted, 2 * THRESHOLD)  # half the points: a sampling is farther from the next
    assert groups.tolist() == np.repeat([0, 1, 2], 4).tolist()
    order = np.random.default_rng(1).permutation(12)
    mixed = near_duplicates(planted[order], 2 * THRESHOLD)
    np.testing.assert_array_equal(mixed[:, None] == mixed, (order // 4)[:, None] == order // 4)


def test_exact_copies_are_found_at_quarter_turns_only(planted: np.ndarray) -> None:
    cloud = planted[0].astype(np.float32)
    angle = np.radians(30)
    aslant = cloud @ np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]).T
    groups = near_duplicates(np.stack([cloud, turned(cloud, 1), turned(cloud, 2), turned(cloud, 3), aslant]), 1e-4)
    assert groups.tolist() == [0, 0, 0, 0, 1]


def test_pairs_equal_the_distances_of_rotated_profiles_in_a_loop(planted: np.ndarray) -> None:
    distances = {
        (i, j): min(
            np.linalg.norm(profiles(turned(planted[i], quarter)[None])[0] - profiles(planted[j : j + 1])[0])
            for quarter in range(4)
        )
        for i, j in combinations(range(12), 2)
    }
    for threshold in (0.01, 0.02, 0.05, 0.1, 0.3):
        a, b = near_pairs(planted, threshold)
        assert set(zip(a.tolist(), b.tolist(), strict=True)) == {p for p, d in distances.items() if d < threshold}


def test_chain_of_pairs_is_one_group(planted: np.ndarray) -> None:
    cloud = planted[0]
    stretched = np.stack([cloud * [1 + 0.05 * i, 1, 1] for i in range(5)])
    first, last = near_pairs(stretched, 0.02)
    assert (0, 1) in set(zip(first.tolist(), last.tolist(), strict=True))
    assert (0, 4) not in set(zip(first.tolist(), last.tolist(), strict=True))
    assert near_duplicates(stretched, 0.02).tolist() == [0] * 5


@pytest.mark.parametrize(("shape", "words"), [((2, 40, 2), "give .shapes, points, 3."), ((2, 8, 3), "at least 32")])
def test_invalid_clouds_are_refused(shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        near_duplicates(np.zeros(shape))


def test_cloud_without_extent_is_refused(planted: np.ndarray) -> None:
    planted = planted.copy()
    planted[3] = 1.0
    with pytest.raises(ValueError, match="cloud 3 has rms radius 0"):
        near_duplicates(planted)


@pytest.mark.skipif(not OFF.is_dir(), reason="modelnet10_off_sample is not here (SMCREP_DATA)")
def test_threshold_separates_meshes_sampled_twice() -> None:
    o3d = pytest.importorskip("open3d")
    files = sorted(OFF.rglob("*.off"))[:6]
    meshes = [o3d.io.read_triangle_mesh(str(f)) for f in files]
    assert all(len(m.triangles) for m in meshes)
    o3d.utility.random.seed(0)
    clouds = [np.asarray(m.sample_points_poisson_disk(1024).points) for m in meshes for _ in range(2)]
    assert near_duplicates(np.stack(clouds)).tolist() == np.repeat(np.arange(6), 2).tolist()
