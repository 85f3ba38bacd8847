"""Ours equal pytorch3d's, where it is installed: there is no wheel of it for current Pythons (docs/guides/speed.md says
how it is built)."""

import numpy as np
import pytest
import torch
from torch import Tensor

from smcrep.encoders.dgcnn import nearest_neighbours
from smcrep.geometry.points import chamfer, farthest_points
from smcrep.geometry.rotations import euler_to_rotation, geodesic_degrees, quaternion_to_rotation, rotvec_to_rotation

pytest.importorskip("pytorch3d", reason="pytorch3d is optional")
loss = pytest.importorskip("pytorch3d.loss", reason="pytorch3d without its compiled part")
ops = pytest.importorskip("pytorch3d.ops", reason="pytorch3d without its compiled part")
transforms = pytest.importorskip("pytorch3d.transforms")


def clouds(n: int, seed: int = 0) -> Tensor:
    return torch.randn(3, n, 3, generator=torch.Generator().manual_seed(seed))


def test_nearest_neighbours() -> None:
    x, queries = clouds(80), clouds(30, 1)
    assert torch.equal(nearest_neighbours(x, 9), ops.knn_points(x, x, K=9).idx)
    assert torch.equal(nearest_neighbours(x, 9, queries=queries), ops.knn_points(queries, x, K=9).idx)


def test_farthest_points_from_the_same_first_one() -> None:
    x = clouds(80)
    first = farthest_points(x, 1)
    rows = torch.arange(80).expand(3, -1)
    order = torch.cat([first, rows[rows != first].view(3, 79)], 1)
    there = ops.sample_farthest_points(x.gather(1, order[..., None].expand(-1, -1, 3)), K=20)[1]
    assert torch.equal(farthest_points(x, 20), order.gather(1, there))


def test_chamfer_of_distances() -> None:
    """Theirs are squared, for each point."""
    a, b = clouds(40), clouds(60, 1)
    (there, back), _ = loss.chamfer_distance(a, b, batch_reduction=None, point_reduction=None)
    torch.testing.assert_close(chamfer(a, b), there.sqrt().mean(1) + back.sqrt().mean(1), atol=1e-5, rtol=1e-5)


def test_transforms() -> None:
    vectors = torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    turns = transforms.axis_angle_to_matrix(vectors)
    torch.testing.assert_close(rotvec_to_rotation(vectors), turns)
    degrees = torch.rad2deg(transforms.so3_relative_angle(turns, turns.flip(0), eps=1e-6))
    torch.testing.assert_close(geodesic_degrees(turns, turns.flip(0)), degrees, atol=1e-3, rtol=1e-5)
    for vector, turn in zip(vectors, turns, strict=True):
        quaternion = transforms.matrix_to_quaternion(turn)
        torch.testing.assert_close(torch.from_numpy(quaternion_to_rotation(quaternion.numpy())), turn)
        about_xyz = transforms.euler_angles_to_matrix(vector.flip(0), "ZYX")  # about fixed x, then y, then z
        torch.testing.assert_close(torch.from_numpy(euler_to_rotation(np.asarray(vector))), about_xyz)
