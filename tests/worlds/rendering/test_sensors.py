from dataclasses import fields, replace

import numpy as np
import pytest

from smcrep.worlds.rendering.environments import ENVIRONMENTS
from smcrep.worlds.rendering.noise import SensorNoise
from smcrep.worlds.rendering.sensors import CHUNK_PIXELS, Frames, View, render
from tests.worlds.scenes import CORNERS, box, camera, pose, quad, random_rotation, scenery, sphere


def assert_same(one: Frames, other: Frames) -> None:
    for field in fields(Frames):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


def varied_views(num: int) -> list[View]:
    """Different objects, cameras, environments; with and without table and clutter; two placements of one model."""
    rng = np.random.default_rng(0)
    ball, brick, sheet = sphere(0.1, 16), box(0.06, 0.1, 0.04), quad(0.1)
    views = []
    for i in range(num):
        objects = [(ball,), (brick, ball), (sheet, brick, brick)][i % 3]
        poses = np.stack([pose(0.15 * j, 0.1 * j, 0.1, random_rotation(rng)) for j in range(len(objects))])
        environment = list(ENVIRONMENTS.values())[i % len(ENVIRONMENTS)]
        c = environment.sample_camera(rng, poses[0][:3, 3], objects[0].diameter, 32)
        views.append(View(objects, poses, c, environment.sample_scenery(rng), table=i % 4 != 0))
    return views


def test_depth_of_a_sphere_in_closed_form() -> None:
    radius, distance = 0.2, 0.9
    c = camera((distance, 0, 0), size=64)
    frames = render([View((sphere(radius, 120),), pose()[None], c, scenery(), table=False)])
    ray = c.rays().astype(np.float64)
    # |t d - (0, 0, distance)|² = radius²
    a, b = (ray**2).sum(-1), -2 * distance * ray[..., 2]
    discriminant = b * b - 4 * a * (distance**2 - radius**2)
    inside = discriminant > 0
    t = (-b - np.sqrt(np.maximum(discriminant, 0))) / (2 * a)
    clear = np.abs(discriminant) > 0.01  # not at the outline, where the mesh is a polygon
    assert ((frames.segmentation[0] == 2) == inside)[clear].all()
    np.testing.assert_allclose(frames.clean_depth[0][inside & clear], t[inside & clear], atol=5e-4)
    assert (frames.clean_depth[0][~inside & clear] == 0).all()
    np.testing.assert_array_equal(frames.depth, frames.clean_depth)
    point = c.back_project(t) - np.array([0, 0, distance])
    cosine = (frames.normals[0] * point).sum(-1) / radius
    assert cosine[inside & clear].min() > 0.999


def test_images_are_neither_upside_down_nor_mirrored() -> None:
    """A quad with four corner colours, seen from its front: the texture as one would look at it."""
    texture = np.repeat(np.repeat(np.array(CORNERS, np.uint8).reshape(2, 2, 3), 8, 0), 8, 1)
    view = View((quad(0.3, texture),), pose()[None], camera((1, 0, 0), size=64), scenery(), table=False)
    rgb = render([view]).rgb[0]
    for (row, column), colour in zip([(20, 20), (20, 43), (43, 20), (43, 43)], CORNERS, strict=True):
        np.testing.assert_allclose(rgb[row, column].astype(int), colour, atol=1)
    behind = render([replace(view, camera=camera((-1, 0, 0), size=64))]).rgb[0]
    np.testing.assert_allclose(behind[20, 43].astype(int), CORNERS[0], atol=1)  # from behind, left and right swap


def test_nearest_object_occludes_the_others() -> None:
    near, far = box(0.05, 0.05, 0.05, (255, 0, 0)), box(0.05, 0.15, 0.15, (0, 255, 0))
    poses = np.stack([pose(0.3), pose(-0.3)])
    c = camera((1, 0, 0), size=64)
    frames = render([View((near, far), poses, c, scenery(), table=False)])
    middle, beside = (32, 32), (32, 24)
    assert frames.segmentation[0][middle] == 2
    assert frames.segmentation[0][beside] == 3
    assert frames.clean_depth[0][middle] == pytest.approx(0.65, abs=1e-5)
    assert frames.clean_depth[0][beside] == pytest.approx(1.25, abs=1e-5)
    assert frames.rgb[0][middle].tolist() == [255, 0, 0]
    assert frames.rgb[0][beside].tolist() == [0, 255, 0]
    swapped = render([View((far, near), poses[::-1], c, scenery(), table=False)])
    np.testing.assert_array_equal(swapped.rgb, frames.rgb)
    assert swapped.segmentation[0][middle] == 3


def test_two_placements_of_one_model_occlude_each_other() -> None:
    brick = box(0.05, 0.1, 0.1)
    view = View((brick, brick), np.stack([pose(-0.3), pose(0.3)]), camera((1, 0, 0)), scenery(), table=False)
    frames = render([view])
    assert frames.segmentation[0][16, 16] == 3
    assert frames.clean_depth[0][16, 16] == pytest.approx(0.65, abs=1e-5)


def test_objects_occlude_the_table_and_views_without_table_show_none() -> None:
    brick = box(0.1, 0.1, 0.1)
    view = View((brick,), pose(z=0.1)[None], camera((0.8, 0, 0.8), (0, 0, 0.1)), scenery())
    on_table, in_hand = (render([replace(view, table=table)]) for table in (True, False))
    assert set(np.unique(on_table.segmentation)) >= {1, 2}
    assert set(np.unique(in_hand.segmentation)) == {0, 2}
    np.testing.assert_array_equal(on_table.segmentation == 2, in_hand.segmentation == 2)
    sunk = render([replace(view, poses=pose(z=-0.5)[None])])
    assert (sunk.segmentation == 2).sum() == 0
    c = view.camera
    table = on_table.segmentation[0] == 1
    world = c.back_project(on_table.clean_depth[0]) @ c.T_world_camera[:3, :3].T + c.T_world_camera[:3, 3]
    np.testing.assert_allclose(world[table][:, 2], 0, atol=1e-5)


def test_brightness_follows_the_cosine() -> None:
    light = dict(towards=(1, 0, 1), key=0.6, ambient=0.1)
    brick = box(0.1, 0.1, 0.1, (128, 255, 0))
    view = View((brick,), pose()[None], camera((1, 0, 0)), scenery(**light), table=False)
    expected = 255 * np.sqrt(np.array([128 / 255, 1, 0]) ** 2 * (0.1 + 0.6 / 2**0.5))
    np.testing.assert_allclose(render([view]).rgb[0][16, 16], expected, atol=1)
    away = replace(view, camera=camera((-1, 0, 0)))
    expected = 255 * np.sqrt(np.array([128 / 255, 1, 0]) ** 2 * 0.1)
    np.testing.assert_allclose(render([away]).rgb[0][16, 16], expected, atol=1)


def test_a_shadow_falls_away_from_the_light() -> None:
    brick = box(0.05, 0.05, 0.1)
    c = camera((0.01, 0, 2), size=64, fov_deg=30)
    frames = render([View((brick,), pose(z=0.1)[None], c, scenery(towards=(0, 1, 1), key=0.8, ambient=0.1))])
    on_table = frames.segmentation[0] == 1
    world = c.back_project(frames.clean_depth[0]) @ c.T_world_camera[:3, :3].T + c.T_world_camera[:3, 3]
    brightness = frames.rgb[0, ..., 0].astype(float)
    shaded, opposite = ((np.abs(world[..., :2] - spot) < 0.03).all(-1) & on_table for spot in ([0, -0.12], [0, 0.2]))
    assert brightness[shaded].mean() < 0.6 * brightness[opposite].mean()


def test_batched_rendering_equals_single_views_to_the_bit() -> None:
    views = varied_views(20)
    together = render(views)
    for i, view in enumerate(views):
        alone = render([view])
        assert_same(alone, Frames(*(getattr(together, f.name)[i : i + 1] for f in fields(Frames))))
    assert_same(together, render(varied_views(20)))
    assert_same(together, render(views, num_threads=2))


def test_chunks_do_not_change_images() -> None:
    view = varied_views(2)[1]
    c = camera((0.5, 0.3, 0.5), (0, 0, 0.1), size=int((CHUNK_PIXELS / 2) ** 0.5) + 1)
    big = replace(view, camera=c)
    frames = render([big] * 3)
    for i in range(1, 3):
        np.testing.assert_array_equal(frames.rgb[i], frames.rgb[0])


def test_noise_changes_readings_but_not_clean_depth() -> None:
    noise = SensorNoise(depth_base_m=0.003, depth_dropout=0.05, rgb_shot=0.02)
    clean = View((sphere(0.2),), pose(z=0.2)[None], camera((0.9, 0, 0.6), size=64), scenery())
    noisy = replace(clean, scenery=replace(clean.scenery, noise=noise, seed=5))
    one, other = render([clean]), render([noisy])
    np.testing.assert_array_equal(one.clean_depth, other.clean_depth)
    np.testing.assert_array_equal(one.segmentation, other.segmentation)
    read = (other.depth > 0) & (other.clean_depth > 0)
    assert (other.depth - other.clean_depth)[read].std() == pytest.approx(0.003, rel=0.1)
    assert ((other.depth == 0) & (other.clean_depth > 0)).sum() / (other.clean_depth > 0).sum() == pytest.approx(
        0.05, abs=0.02
    )
    assert np.abs(one.rgb.astype(int) - other.rgb)[one.segmentation == 2].mean() > 1
    again = replace(noisy, scenery=replace(noisy.scenery, seed=6))
    assert not np.array_equal(render([again]).depth, other.depth)


def test_rectangular_images_have_square_pixels() -> None:
    c = replace(camera((1, 0, 0.2)), width=48, height=20)
    frames = render([View((sphere(0.1, 16),), pose()[None], c, scenery(), table=False)])
    assert frames.rgb.shape == (1, 20, 48, 3)
    rows, columns = np.nonzero(frames.segmentation[0] == 2)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=1)  # round, and in the middle
    assert columns.mean() == pytest.approx(23.5, abs=0.5)


def test_invalid_views_are_refused() -> None:
    with pytest.raises(ValueError, match="there are no views"):
        render([])
    view = View((sphere(0.1, 8),), pose()[None], camera(size=8), scenery())
    with pytest.raises(ValueError, match="render each size by itself"):
        render([view, replace(view, camera=camera(size=9))])
