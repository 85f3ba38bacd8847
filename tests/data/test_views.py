"""The camera looks at the origin, is upright, and sees the near side only."""

import numpy as np
import pytest

from smcrep.data.views import looking_from, visible_points


@pytest.mark.parametrize(("azimuth", "elevation"), [(0, 0), (45, 35), (200, -20), (300, 80)])
def test_camera_looks_at_the_origin_upright(azimuth: float, elevation: float) -> None:
    rotation = looking_from(azimuth, elevation)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    a, e = np.radians([azimuth, elevation])
    place = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    np.testing.assert_allclose(rotation @ place, [0, 0, -1], atol=1e-12)  # behind what it looks at lies +z
    up = rotation @ [0, 0, 1]
    assert up[1] < 0  # y is down
    assert up[0] == pytest.approx(0, abs=1e-12)
    if elevation > 0:
        assert up[2] < 0  # looked at from above, tops are nearer


def test_view_is_not_mirrored() -> None:
    np.testing.assert_allclose(looking_from(0, 0) @ [0, 1, 0], [1, 0, 0], atol=1e-12)  # from +x, +y is right


def test_near_cap_of_a_sphere_is_visible() -> None:
    rng = np.random.default_rng(0)
    sphere = rng.normal(size=(2000, 3))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    distance = 4.0
    seen = np.zeros(2000, bool)
    seen[visible_points(sphere + np.array([0, 0, distance]))] = True
    facing = -sphere[:, 2] > 1 / distance  # the tangent cone touches the sphere there
    assert (seen == facing).mean() > 0.97


def test_wall_hides_points_behind_it() -> None:
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 30), np.linspace(-1, 1, 30)), -1).reshape(-1, 2)
    wall = np.concatenate([grid, np.full((900, 1), 3.0)], 1)
    hidden = np.concatenate([0.3 * grid, np.full((900, 1), 4.0)], 1)
    beside = np.concatenate([0.3 * grid + [4, 0], np.full((900, 1), 4.0)], 1)
    seen = visible_points(np.concatenate([wall, hidden, beside]))
    assert (seen < 900).sum() > 800
    assert not ((seen >= 900) & (seen < 1800)).any()
    assert (seen >= 1800).sum() > 800
    assert (np.diff(seen) > 0).all()


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_point_in_the_camera_is_refused(bad: float) -> None:
    cloud = np.random.default_rng(0).normal(size=(50, 3)) + np.array([0, 0, 5])
    cloud[3] = bad
    with pytest.raises(ValueError, match="place the cloud in front of it"):
        visible_points(cloud)
