import numpy as np
import pytest

from smcrep.worlds.rendering.clouds import partial_cloud, visible_pixels
from smcrep.worlds.rendering.noise import SensorNoise
from smcrep.worlds.rendering.sensors import View, render
from tests.worlds.scenes import box, camera, pose, quad, random_rotation, scenery, sphere


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_points_lie_on_the_side_of_the_surface_that_is_seen() -> None:
    ball, c = sphere(0.2), camera((0.5, 0.4, 0.6))
    centre = np.array([0.03, -0.02, 0.3])
    frames = render([View((ball,), pose(*centre)[None], c, scenery())])
    cloud = partial_cloud(frames, [c], 300, rng())[0]
    world = cloud @ c.T_world_camera[:3, :3].T + c.T_world_camera[:3, 3]
    np.testing.assert_allclose(np.linalg.norm(world - centre, axis=1), 0.2, atol=4e-4)
    assert ((world - centre) @ (c.T_world_camera[:3, 3] - centre) > 0).all()


def test_a_point_per_pixel_without_replacement_then_again_where_there_are_too_few() -> None:
    c = camera()
    frames = render([View((quad(0.2),), pose()[None], c, scenery(), table=False)])
    available = int(visible_pixels(frames)[0])
    assert available > 100
    assert len(np.unique(partial_cloud(frames, [c], available, rng())[0], axis=0)) == available
    more = partial_cloud(frames, [c], available + 50, rng())[0]
    assert more.shape == (available + 50, 3)
    assert len(np.unique(more, axis=0)) == available


def test_only_object_zero_and_only_what_the_sensor_reads() -> None:
    noise = SensorNoise(depth_dropout=0.5)
    objects = (box(0.05, 0.05, 0.05), box(0.05, 0.05, 0.05))
    poses = np.stack([pose(0, 0.1, 0.05), pose(0, -0.1, 0.05)])
    view = View(objects, poses, camera((0.6, 0, 0.3)), scenery(noise=noise))
    frames = render([view])
    cloud = partial_cloud(frames, [view.camera], 64, rng())[0]
    assert (cloud[:, 2] > 0).all()
    world = cloud @ view.camera.T_world_camera[:3, :3].T + view.camera.T_world_camera[:3, 3]
    assert (world[:, 1] > 0.04).all()
    assert visible_pixels(frames)[0] == pytest.approx((frames.segmentation == 2).sum() / 2, rel=0.2)


def test_an_object_out_of_sight_is_named() -> None:
    c = camera()
    frames = render([View((quad(0.1),), pose(0, 9, 0)[None], c, scenery())])
    assert visible_pixels(frames).tolist() == [0]
    with pytest.raises(ValueError, match="view 0 sees no pixel of object 0"):
        partial_cloud(frames, [c], 8, rng())


def test_the_seed_decides() -> None:
    cameras = [camera((1, 0, 0.5)), camera((0, 1, 0.5))]
    rotation = random_rotation(rng())
    views = [View((box(0.1, 0.2, 0.1),), pose(rotation=rotation)[None], c, scenery(), table=False) for c in cameras]
    frames = render(views)
    first = partial_cloud(frames, cameras, 50, rng(1))
    np.testing.assert_array_equal(first, partial_cloud(frames, cameras, 50, rng(1)))
    assert not np.array_equal(first, partial_cloud(frames, cameras, 50, rng(2)))
