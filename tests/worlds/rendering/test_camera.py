import numpy as np
import pytest

from smcrep.worlds.rendering.camera import Camera, inverse, look_at
from tests.worlds.scenes import random_rotation

RNG = np.random.default_rng(0)
EYES = [(1, 0, 0), (0, -2, 0.5), (0.3, 0.2, 1.0), (0, 0, 2), (0, 0, -1)]


@pytest.mark.parametrize("eye", EYES)
def test_look_at_is_a_rigid_motion_that_sees_the_target_in_the_middle(eye: tuple[float, ...]) -> None:
    target = np.array([0.1, -0.2, 0.3]) if eye[:2] != (0, 0) else np.zeros(3)
    T = look_at(eye, target)
    np.testing.assert_allclose(T[:3, :3].T @ T[:3, :3], np.eye(3), atol=1e-12)
    assert np.linalg.det(T[:3, :3]) == pytest.approx(1)
    camera = Camera(T, 40, 64, 48)
    seen = camera.T_camera_world @ np.append(target, 1)
    np.testing.assert_allclose(seen[:3], [0, 0, np.linalg.norm(np.subtract(eye, target))], atol=1e-12)
    np.testing.assert_allclose(camera.project(seen[:3]), [32, 24])
    np.testing.assert_allclose(camera.T_camera_world @ np.append(eye, 1), [0, 0, 0, 1], atol=1e-12)


def test_image_is_upright_and_not_mirrored() -> None:
    camera = Camera(look_at((1, 0, 0.5), (0, 0, 0)), 40, 64, 64)
    column, row = camera.project((camera.T_camera_world @ [0, 0, 0.1, 1])[:3])
    assert row < 31
    assert column == pytest.approx(32)
    column, _ = camera.project((camera.T_camera_world @ [0, 0.1, 0, 1])[:3])
    assert column > 33  # looking along -x with z up, +y is on the right


def test_rays_have_unit_depth_and_span_the_field_of_view() -> None:
    camera = Camera(np.eye(4), 60, 100, 50)
    rays = camera.rays()
    assert rays.shape == (50, 100, 3)
    assert rays.dtype == np.float32
    assert (rays[..., 2] == 1).all()
    half_pixel = 0.5 / camera.focal_px
    assert rays[-1, 0, 1] + half_pixel == pytest.approx(np.tan(np.radians(30)), rel=1e-6)
    np.testing.assert_allclose(rays, -rays[::-1, ::-1] * [1, 1, -1], atol=1e-7)
    assert rays[0, 1, 0] - rays[0, 0, 0] == pytest.approx(rays[1, 0, 1] - rays[0, 0, 1], rel=1e-4)  # square pixels


def test_projection_undoes_back_projection() -> None:
    camera = Camera(np.eye(4), 45, 7, 5)
    points = camera.back_project(RNG.uniform(0.2, 2, (5, 7)))
    row, column = np.indices((5, 7))
    np.testing.assert_allclose(camera.project(points), np.stack([column, row], -1) + 0.5, atol=1e-5)
    assert np.isnan(camera.project([0, 0, -1])).all()


def test_inverse_equals_the_matrix_inverse() -> None:
    T = np.tile(np.eye(4), (3, 1, 1))
    T[:, :3, :3] = [random_rotation(RNG) for _ in range(3)]
    T[:, :3, 3] = RNG.normal(size=(3, 3))
    np.testing.assert_allclose(inverse(T), np.linalg.inv(T), atol=1e-12)


def test_invalid_cameras_are_refused() -> None:
    with pytest.raises(ValueError, match="field of view in"):
        Camera(np.eye(4), 0, 8, 8)
    with pytest.raises(ValueError, match="finite 4 x 4"):
        Camera(np.full((4, 4), np.nan), 40, 8, 8)
    with pytest.raises(ValueError, match="at least 1 x 1"):
        Camera(np.eye(4), 40, 0, 8)
    with pytest.raises(ValueError, match="move the camera away"):
        look_at((1, 2, 3), (1, 2, 3))
