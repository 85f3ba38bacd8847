import numpy as np
import pytest

from smcrep.worlds.rendering.scenery import Table
from smcrep.worlds.rendering.table import SHADOW, draw_tables, shadows, texels_from_world
from tests.worlds.scenes import camera, pose, random_rotation, scenery

LIT = np.array([[[0, 0, 0, 0, 0, 1]]], np.float32)


def shaded(eye=(0.5, 0.1, 0.4), target=(0.0, 0.0, 0.0), shown=True, shade=LIT, **scene):
    c = camera(eye, target, size=48)
    depth, colour = np.full((1, 48, 48), np.inf, np.float32), np.zeros((1, 48, 48, 3), np.float32)
    draw_tables([c], [scenery(**scene)], np.array([shown]), np.array([0.2]), shade, depth, colour)
    return c, depth[0], colour[0]


def test_depth_lies_in_the_plane_and_within_the_radius() -> None:
    c, depth, _ = shaded(table=Table(np.ones(3), radius=2.0))
    on = np.isfinite(depth)
    points = c.back_project(np.where(on, depth, 0)) @ c.T_world_camera[:3, :3].T + c.T_world_camera[:3, 3]
    assert 0.2 < on.mean() < 0.9
    np.testing.assert_allclose(points[on][:, 2], 0, atol=1e-6)
    distance = np.linalg.norm(points[on][:, :2], axis=1)
    assert distance.max() < 0.4 + 1e-5
    assert distance.max() > 0.38


def test_there_is_no_table_where_none_is_shown_nor_above_the_horizon() -> None:
    assert np.isinf(shaded(shown=False)[1]).all()
    assert np.isinf(shaded((0.5, 0, 0.1), (0, 0, 0.6))[1]).all()
    assert np.isinf(shaded((0.5, 0, 0.0), (0, 0, 0.0))[1]).all()  # along the plane


def test_brightness_is_lambert_plus_ambient() -> None:
    _, depth, colour = shaded(
        towards=(0, 3, 4), key=0.5, ambient=0.25, table=Table(np.array([1, 0.5, 0.2]), contrast=1)
    )
    expected = np.array([1, 0.5, 0.2]) * (0.25 + 0.5 * 0.8)
    np.testing.assert_allclose(
        colour[np.isfinite(depth)], np.broadcast_to(expected, (np.isfinite(depth).sum(), 3)), rtol=1e-5
    )


def test_the_pattern_is_fixed_to_the_table_and_repeats() -> None:
    table = Table(np.ones(3), contrast=0.0, pattern="checker", radius=50, period=2.0)
    one = shaded((0.5, 0.1, 0.4), (0.0, 0.0, 0), table=table)
    moved = shaded((0.5 + 0.4, 0.1, 0.4), (0.4, 0.0, 0), table=table)  # by one period of 2 x 0.2 m
    assert len(np.unique(np.round(one[2], 3))) == 2
    assert (np.abs(one[2] - moved[2]) > 0.01).mean() < 0.02
    half = shaded((0.5 + 0.05, 0.1, 0.4), (0.05, 0.0, 0), table=table)  # by one square of an eighth of the period
    assert (np.abs(one[2] - half[2]) > 0.01).mean() > 0.5


@pytest.mark.parametrize("seed", range(4))
def test_shadows_are_distances_of_rays_from_ellipsoids(seed: int) -> None:
    """Against the smallest distance along the ray, found by sampling it."""
    rng = np.random.default_rng(seed)
    T = pose(*rng.uniform(-0.1, 0.1, 2), 0.1, rotation=random_rotation(rng))
    half = rng.uniform(0.03, 0.1, 3).astype(np.float32)
    towards = np.array([*rng.normal(size=2), 1.5])
    towards /= np.linalg.norm(towards)
    scene = scenery(table=Table(np.ones(3), period=rng.uniform(1, 3), angle=rng.uniform(0, 6)))
    T_texels_world = texels_from_world([scene], np.array([0.2]))
    q = shadows(T[None], half[None], towards[None], T_texels_world)[0]
    for _ in range(20):
        point = np.array([*rng.uniform(-0.2, 0.2, 2), 0])
        x, y, _, _ = T_texels_world[0] @ [*point, 1]
        lit = q @ [x * x, x * y, y * y, x, y, 1]
        along = point + np.linspace(-2, 2, 40001)[:, None] * towards
        nearest = np.linalg.norm((along - T[:3, 3]) @ T[:3, :3] / half, axis=1).min()
        expected = (nearest**2 - SHADOW[0] ** 2) / (SHADOW[1] ** 2 - SHADOW[0] ** 2)
        assert lit == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_a_flat_object_has_a_finite_shadow() -> None:
    flat = np.array([[0.1, 0.1, 0.0]], np.float32)
    q = shadows(pose(z=0.0)[None], flat, np.array([[0, 0, 1.0]]), np.eye(4)[None])
    assert np.isfinite(q).all()
    assert q[0, 5] < 0  # under its middle it is dark
