"""Look-ups and light against plain sums over texels, in numpy."""

from dataclasses import replace

import numpy as np
import pytest

from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.sensors import View, render
from smcrep.worlds.rendering.shading import look_up
from smcrep.worlds.rendering.texture import prepare
from tests.worlds.scenes import box, camera, model, pose, quad, random_rotation, scenery, sphere

RNG = np.random.default_rng(0)


def colours_at(object: ObjectModel, uv: np.ndarray, pixel_m: float = 0.0) -> np.ndarray:
    """Linear colours [n, 3] of `quad` at texture coordinates uv [n, 2], of pixels ``pixel_m`` wide on it."""
    texture = prepare(object)
    found = []
    for u, v in uv:
        # corners 0, 1, 2 at (0, 0), (1, 0), (1, 1); else 0, 2, 3 with (0, 1)
        face, at = (0, (u - v, v)) if u >= v else (1, (u, v - u))
        found.append(look_up(*texture.arguments, face, *map(np.float32, at), np.float32(pixel_m**2)))
    return np.array(found)


def tents(image: np.ndarray, u: float, v: float) -> np.ndarray:
    """The sum over all texels of linear light times tent weights, in plain loops."""
    height, width = image.shape[:2]
    column, row = np.clip(u * width - 0.5, 0, width - 1), np.clip((1 - v) * height - 0.5, 0, height - 1)
    total = np.zeros(3)
    for i in range(height):
        for j in range(width):
            weight = max(0, 1 - abs(row - i)) * max(0, 1 - abs(column - j))
            total += weight * (image[i, j] / 255.0) ** 2
    return total


@pytest.mark.parametrize("shape", [(5, 7, 3), (1, 1, 3), (1, 5, 3), (5, 1, 3), (2, 2, 3)])
def test_look_up_is_bilinear_in_light_with_the_origin_bottom_left(shape: tuple[int, ...]) -> None:
    image = RNG.integers(0, 256, shape).astype(np.uint8)
    uv = RNG.random((50, 2))
    expected = [tents(image, u, v) for u, v in uv]
    np.testing.assert_allclose(colours_at(quad(0.1, image), uv), expected, atol=2e-5)


@pytest.mark.parametrize("size", [64, 48])
@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_pixel_of_many_texels_shows_means_of_their_light(size: int, level: int) -> None:
    image = RNG.integers(0, 256, (size, size, 3)).astype(np.uint8)
    step = 2**level
    blocks = np.square(image.astype(float)).reshape(size // step, step, size // step, step, 3).mean((1, 3))
    halved = np.rint(np.sqrt(blocks))
    uv = RNG.random((40, 2))
    found = colours_at(quad(0.5, image), uv, pixel_m=step / size)  # one metre: `size` texels a metre
    np.testing.assert_allclose(found, [tents(halved, u, v) for u, v in uv], atol=2e-2)
    if level == 1:
        nearer = colours_at(quad(0.5, image), uv, pixel_m=1.3 / size)
        np.testing.assert_allclose(nearer, [tents(image, u, v) for u, v in uv], atol=2e-5)


def test_a_pixel_larger_than_the_object_shows_its_mean() -> None:
    image = RNG.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    found = colours_at(quad(0.5, image), RNG.random((10, 2)), pixel_m=2.0)
    np.testing.assert_allclose(found, np.broadcast_to(np.square(image / 255).mean((0, 1)), (10, 3)), atol=0.02)


def test_each_face_has_a_density_of_its_own() -> None:
    """Two squares of one picture: the one that shows sixteen times as much of it per metre takes a coarser level."""
    image = np.zeros((256, 256, 3), np.uint8)
    image[::2] = 255  # lines of one texel
    small = quad(0.5, image)
    vertices = np.concatenate([small.vertices, small.vertices + np.array([0, 2, 0])])
    uv = np.concatenate([small.uv, small.uv / 16])
    both = model(vertices, np.concatenate([small.faces, small.faces + 4]), uv, image)
    texture = prepare(both)
    at = [np.float32(x) for x in (0.31, 0.27, (1 / 64) ** 2)]
    assert look_up(*texture.arguments, 0, *at)[0] == pytest.approx(0.5, abs=0.01)
    assert texture.scale[0, 0] == pytest.approx(256 * texture.scale[2, 0])
    fine = {round(float(look_up(*texture.arguments, 2, *at[:1], np.float32(v), at[2])[0]), 2) for v in RNG.random(40)}
    assert len(fine) > 10


def test_light_is_lambert_plus_ambient_plus_highlight() -> None:
    """Every pixel of a ball against the formula in numpy, from the normals and colours that are rendered as well."""
    key, sky, ground, specular = 0.4, 0.3, 0.1, 0.8
    towards = np.array([0.6, 0.48, 0.64])
    rotation = random_rotation(RNG)
    c = camera((0.7, 0.2, 0.4), size=48)
    base = scenery(towards=towards, key=key)
    light = replace(base.light, sky=np.full(3, sky), ground=np.full(3, ground), specular=specular)
    ball = sphere(0.2, 24)
    grey = replace(ball, texture=np.full((4, 4, 3), 128, np.uint8))
    view = View((grey,), pose(rotation=rotation)[None], c, replace(base, light=light), table=False)
    frames = render([view])
    on = frames.segmentation[0] == 2
    normal = frames.normals[0][on].astype(float) @ c.T_world_camera[:3, :3].T
    half = towards - c.T_world_camera[:3, 2]
    half /= np.linalg.norm(half)
    up = normal[:, 2]
    expected = (128 / 255) ** 2 * (
        key * np.maximum(normal @ towards, 0) + sky * (1 + up) / 2 + ground * (1 - up) / 2
    ) + specular * key * np.maximum(normal @ half, 0) ** 32
    seen = frames.rgb[0][on].astype(float)
    np.testing.assert_allclose(seen, np.repeat(255 * np.sqrt(expected)[:, None], 3, 1).clip(0, 255), atol=0.6)
    assert expected.max() > 1.5 * np.median(expected)  # the highlight is in sight


def test_one_colour_stays_to_the_level_whatever_the_distance() -> None:
    for distance in (0.4, 1.0, 3.0, 6.0):
        view = View((box(0.1, 0.1, 0.1, (77, 200, 3)),), pose()[None], camera((distance, 0, 0)), scenery(), table=False)
        frames = render([view])
        shown = frames.rgb[frames.segmentation == 2]
        assert len(shown)
        np.testing.assert_array_equal(shown, np.broadcast_to((77, 200, 3), shown.shape))
