import numpy as np
import pytest

from smcrep.worlds.rendering.casting import Hits
from smcrep.worlds.rendering.scenery import Light
from smcrep.worlds.rendering.shading import look_up, rotated, shade, texture
from tests.worlds.scenes import box, quad

RNG = np.random.default_rng(0)


def at_uv(uv: np.ndarray) -> Hits:
    """Hits of `quad` at texture coordinates uv [n, 2]."""
    u, v = uv.T
    first = u >= v  # corners 0, 1, 2 at (0, 0), (1, 0), (1, 1); else 0, 2, 3 with (0, 1)
    barycentric = np.where(first, [u - v, v], [u, v - u]).astype(np.float32)
    n = len(uv)
    return Hits(
        np.arange(n), np.array([0, n]), np.ones(n, np.float32), np.where(first, 0, 1), barycentric, np.ones((3, n))
    )


def test_look_up_is_bilinear_with_the_origin_bottom_left() -> None:
    """Against the sum over all texels of tent weights, in plain loops."""
    image = RNG.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    uv = RNG.random((50, 2))
    colours = np.stack(look_up(texture(quad(0.1, image)), at_uv(uv), np.array([0.0])), -1)
    for (u, v), colour in zip(uv, colours, strict=True):
        expected = np.zeros(3)
        column, row = np.clip(u * 7 - 0.5, 0, 6), np.clip((1 - v) * 5 - 0.5, 0, 4)
        for i in range(5):
            for j in range(7):
                weight = max(0, 1 - abs(row - i)) * max(0, 1 - abs(column - j))
                expected += weight * image[i, j] / 255.0
        np.testing.assert_allclose(colour, expected**2, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 5, 3), (5, 1, 3), (2, 2, 3)])
def test_smallest_textures_give_colours_in_their_range(shape: tuple[int, ...]) -> None:
    image = RNG.integers(0, 256, shape).astype(np.uint8)
    colours = np.stack(look_up(texture(quad(0.1, image)), at_uv(RNG.random((20, 2))), np.array([0.0])), -1)
    assert (colours >= (image.min((0, 1)) / 255.0) ** 2 - 1e-5).all()
    assert (colours <= (image.max((0, 1)) / 255.0) ** 2 + 1e-5).all()


@pytest.mark.parametrize("size", [64, 50])
def test_pixel_as_large_as_many_texels_shows_their_mean(size: int) -> None:
    image = RNG.integers(0, 256, (size, size, 3)).astype(np.uint8)
    object = quad(0.5, image)  # one metre: `size` texels a metre
    assert texture(object).density == pytest.approx(size, rel=1e-5)
    far = np.stack(look_up(texture(object), at_uv(RNG.random((40, 2)) * 0.8 + 0.1), np.array([0.2])), -1)
    near = np.stack(look_up(texture(object), at_uv(RNG.random((40, 2))), np.array([0.0])), -1)
    mean = (image.mean((0, 1)) / 255) ** 2
    assert np.abs(far - mean).mean() < 0.1 < np.abs(near - mean).mean()


def test_light_is_lambert_plus_ambient_plus_highlight() -> None:
    n = 30
    normal = RNG.normal(size=(3, n))
    normal = (normal / np.linalg.norm(normal, axis=0)).astype(np.float32)
    hits = Hits(np.arange(n), np.array([0, n]), np.ones(n, np.float32), np.zeros(n, np.int64), np.zeros((2, n)), normal)
    albedo = [RNG.random(n, np.float32) for _ in range(3)]
    q, _ = np.linalg.qr(RNG.normal(size=(3, 3)))
    R_camera_object = (q * np.linalg.det(q)).astype(np.float32)
    T_camera_world = np.eye(4, dtype=np.float32)
    T_camera_world[:3, :3] = [[0, 1, 0], [0, 0, -1], [-1, 0, 0]]
    direction = np.array([0.6, 0.0, 0.8], np.float32)
    key, sky, ground = (RNG.random(3, np.float32) for _ in range(3))
    light = Light(direction, key, sky, ground, specular=0.5)
    colours = shade(albedo, hits, [light], T_camera_world[None], R_camera_object[None])
    normals = rotated(hits, R_camera_object[None])
    for i in range(n):
        seen = R_camera_object @ normal[:, i]
        np.testing.assert_allclose(normals[:, i], seen, atol=1e-6)
        towards = T_camera_world[:3, :3] @ direction
        up = seen @ T_camera_world[:3, :3] @ np.array([0, 0, 1])
        half = (towards - [0, 0, 1]) / np.linalg.norm(towards - [0, 0, 1])
        ambient = sky * (1 + up) / 2 + ground * (1 - up) / 2
        expected = np.array([a[i] for a in albedo]) * (key * max(0, seen @ towards) + ambient)
        expected += 0.5 * key * max(0, seen @ half) ** 32
        np.testing.assert_allclose([c[i] for c in colours], expected, rtol=1e-4, atol=1e-5)


def test_textures_are_cached_by_identity() -> None:
    one, two = box(0.1, 0.1, 0.1), box(0.1, 0.1, 0.1)
    assert texture(one) is texture(one)
    assert texture(one) is not texture(two)
