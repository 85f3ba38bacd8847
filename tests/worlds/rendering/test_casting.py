import numpy as np
import pytest

from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.camera import Camera
from smcrep.worlds.rendering.casting import Hits, boxes, cast, scene
from smcrep.worlds.rendering.sensors import View, render
from tests.worlds.scenes import box, camera, model, pose, quad, random_rotation, scenery, sphere


def placed(object: ObjectModel, cameras: list[Camera], poses: list[np.ndarray], depth: float = np.inf) -> Hits:
    T = np.stack([c.T_camera_world @ p for c, p in zip(cameras, poses, strict=True)])
    seen = np.full(len(cameras) * cameras[0].height * cameras[0].width, depth, np.float32)
    return cast(scene(object), boxes(object), cameras, np.arange(len(cameras)), T, seen, num_threads=1)


def image_of(hits: Hits, cameras: list[Camera]) -> np.ndarray:
    image = np.full((len(cameras), cameras[0].height, cameras[0].width), np.inf, np.float32)
    image.reshape(-1)[hits.pixel] = hits.depth
    return image


def brute_force(object: ObjectModel, camera: Camera, T_world_object: np.ndarray) -> np.ndarray:
    """Depth [h, w] by Möller and Trumbore's formula, every ray against every triangle."""
    T = camera.T_camera_world @ T_world_object
    corners = (object.vertices.astype(np.float64) @ T[:3, :3].T + T[:3, 3])[object.faces]
    a, e1, e2 = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    ray = camera.rays().astype(np.float64)[:, :, None]
    p = np.cross(ray, e2)
    det = (e1 * p).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = (-a * p).sum(-1) / det
        q = np.cross(-a, e1)
        v = (ray * q).sum(-1) / det
        t = (e2 * q).sum(-1) / det
        hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0)
    return np.where(hit, t, np.inf).min(-1)


def soup(rng: np.random.Generator, faces: int = 40) -> ObjectModel:
    centre = rng.uniform(-0.2, 0.2, (faces, 1, 3))
    vertices = (centre + rng.uniform(-0.08, 0.08, (faces, 3, 3))).reshape(-1, 3)
    return model(vertices, np.arange(3 * faces).reshape(-1, 3))


def test_depth_equals_every_ray_against_every_triangle() -> None:
    rng = np.random.default_rng(0)
    object = soup(rng)
    cameras = [camera(rng.normal(size=3) * 0.6, rng.normal(size=3) * 0.05, size=24) for _ in range(6)]
    poses = [pose(0.02, -0.03, 0.01, random_rotation(rng)) for _ in cameras]
    seen = image_of(placed(object, cameras, poses), cameras)
    expected = np.stack([brute_force(object, c, p) for c, p in zip(cameras, poses, strict=True)])
    disagree = np.isfinite(seen) != np.isfinite(expected)
    assert disagree.mean() < 2e-3  # rays that graze an edge
    both = np.isfinite(seen) & np.isfinite(expected)
    assert both.mean() > 0.05
    assert (np.abs(seen[both] - expected[both]) > 1e-4).mean() < 2e-3


@pytest.mark.parametrize("eye", [(0.05, 0.02, 0.01), (0.3, 0.0, 0.1), (2.0, 1.0, 1.0)])
def test_culling_boxes_lose_no_hit(eye: tuple[float, float, float]) -> None:
    """Also with the camera inside the object, and with the object at the edge of the image."""
    rng = np.random.default_rng(1)
    object = sphere(0.2, rings=10)
    cameras = [camera(eye, rng.normal(size=3) * 0.2, size=32) for _ in range(5)]
    hits = placed(object, cameras, [pose()] * 5)
    for i, c in enumerate(cameras):
        rays = np.concatenate(
            [np.broadcast_to(c.T_world_camera[:3, 3], (32, 32, 3)), c.rays() @ c.T_world_camera[:3, :3].T], -1
        )
        everywhere = scene(object).cast_rays(rays.astype(np.float32))["t_hit"].numpy()
        expected = np.flatnonzero(np.isfinite(everywhere)) + i * 32 * 32
        own = slice(hits.start[i], hits.start[i + 1])
        np.testing.assert_array_equal(hits.pixel[own][np.isfinite(hits.depth[own])], expected)


def test_normals_are_unit_and_face_the_camera_whatever_the_winding() -> None:
    for object in (sphere(0.2, 12), quad(0.2)):
        flipped = model(object.vertices, object.faces[:, ::-1])
        c = camera((0.7, 0.1, 0.2))
        frames = render([View((thing,), pose()[None], c, scenery(), table=False) for thing in (object, flipped)])
        on = frames.segmentation == 2
        np.testing.assert_allclose(np.linalg.norm(frames.normals[on], axis=1), 1, atol=1e-5)
        assert ((frames.normals * c.rays()).sum(-1)[on] < 0).all()
        np.testing.assert_allclose(frames.normals[0], frames.normals[1], atol=1e-6)


def test_one_placement_at_a_time_gives_the_same_bits() -> None:
    rng = np.random.default_rng(2)
    object = box(0.1, 0.15, 0.05)
    cameras = [camera(rng.normal(size=3)) for _ in range(4)]
    poses = [pose(0, 0, 0.01 * i, random_rotation(rng)) for i in range(4)]
    together = placed(object, cameras, poses)
    for i in range(4):
        alone = placed(object, cameras[i : i + 1], poses[i : i + 1])
        part = slice(together.start[i], together.start[i + 1])
        np.testing.assert_array_equal(together.pixel[part] - i * 32 * 32, alone.pixel)
        for name in ("depth", "face", "barycentric", "normal"):
            np.testing.assert_array_equal(getattr(together, name)[part], getattr(alone, name))


def test_no_ray_is_cast_behind_what_is_nearer_and_none_is_lost_before_it() -> None:
    ball, cameras = sphere(0.2), [camera()]
    everywhere = placed(ball, cameras, [pose()])
    assert len(placed(ball, cameras, [pose()], depth=0.7).pixel) == 0
    before = placed(ball, cameras, [pose()], depth=0.9)
    assert len(before.pixel) < len(everywhere.pixel)
    met = {name: hits.pixel[hits.depth < 0.9] for name, hits in (("all", everywhere), ("before", before))}
    assert len(met["all"]) > 100
    np.testing.assert_array_equal(met["before"], met["all"])


def test_no_ray_is_cast_at_what_stands_beside_the_camera() -> None:
    """A bar along the line of sight, from behind the camera to before it: out of the image, or through it."""
    c, bar = camera(), box(0.1, 0.1, 4.0)
    assert len(placed(bar, [c], [c.T_world_camera @ pose(2, 0, 0)]).pixel) == 0
    through = placed(bar, [c], [c.T_world_camera @ pose(0.1, 0, 0)])
    assert np.isfinite(through.depth).sum() > 100


def test_an_object_outside_the_image_has_no_hits() -> None:
    hits = placed(box(0.1, 0.1, 0.1), [camera()], [pose(0, 5, 0)])
    assert hits.start.tolist() == [0, 0]
    assert hits.normal.shape == (0, 3)
