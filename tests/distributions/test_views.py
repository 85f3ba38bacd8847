"""The camera of the simulator as a pinhole: a planted scene is found where it stands."""

import math

import numpy as np
import pytest

from tests.distributions.files import module

views = module("lerobot_env_smcrep", "views")


def planted(size: int, fovy_deg: float, slope: float) -> tuple[np.ndarray, np.ndarray]:
    """Depth [h, w] of the plane z = 1 + slope y, and its points, ray by ray: the ray through the centre of a pixel of a
    unit-distance image plane that is 2 tan(fovy / 2) high."""
    depth, points = np.zeros((size, size)), []
    half = math.tan(math.radians(fovy_deg) / 2)
    for v in range(size):
        for u in range(size):
            x, y = ((2 * (i + 0.5) / size - 1) * half for i in (u, v))
            z = 1 / (1 - slope * y)
            depth[v, u] = z
            points.append((x * z, y * z, z))
    return depth, np.array(points)


@pytest.mark.parametrize("fovy_deg", [30.0, 60.0, 90.0])
def test_a_plane_is_seen_where_it_stands(fovy_deg: float) -> None:
    depth, points = planted(8, fovy_deg, 0.3)
    assert np.allclose(views.scene_cloud(depth, fovy_deg, 64, far_m=5), points, atol=1e-6)


def test_a_camera_head_down_sees_the_same_scene_turned() -> None:
    """Upright, the right of the picture is x and its bottom is y again, in the picture and in the cloud alike."""
    depth, points = planted(8, 60, 0.3)
    hanging = np.rot90(depth, 2)
    assert np.array_equal(views.upright(hanging), depth)
    assert np.allclose(views.scene_cloud(views.upright(hanging), 60, 64, far_m=5), points, atol=1e-6)
    colour = np.zeros((4, 4, 3), np.uint8)
    colour[0, 1] = 255
    assert (views.upright(colour)[3, 2] == 255).all()


def test_what_is_far_is_left_out_and_the_count_stays() -> None:
    depth = np.full((4, 4), 9.0)
    depth[1, 2] = 1.0
    cloud = views.scene_cloud(depth, 90, 5, far_m=2)
    assert cloud.shape == (5, 3)
    assert cloud.dtype == np.float32
    assert np.allclose(cloud, [0.25, -0.25, 1.0])


def test_a_view_of_nothing_has_one_line() -> None:
    with pytest.raises(ValueError, match="reads nothing"):
        views.scene_cloud(np.full((4, 4), 9.0), 90, 5, far_m=2)
