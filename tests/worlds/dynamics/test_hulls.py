"""Hulls as solids, beside trimesh; what is too thin, too small or no solid."""

import numpy as np
import pytest
import trimesh

from smcrep.worlds.dynamics.hulls import LEAST_MOMENT, hull
from tests.worlds.scenes import box, model, pose, random_rotation


@pytest.mark.parametrize("size_m", [1e-4, 0.1, 3.0])
def test_centroid_and_moments_equal_those_of_trimesh(size_m: float) -> None:
    """Of 12 random points, far from symmetric and off their centroid, at every size."""
    rng = np.random.default_rng(0)
    points = size_m * (rng.standard_normal((12, 3)) * [0.5, 0.2, 0.1] + 0.3)
    thing = model(points, trimesh.Trimesh(points).convex_hull.faces)
    found, want = hull(thing), trimesh.Trimesh(points * (1 / size_m)).convex_hull
    np.testing.assert_allclose(found.centroid / size_m, want.center_mass, atol=1e-6)
    inertia = found.axes @ np.diag(found.moments) @ found.axes.T
    np.testing.assert_allclose(inertia / size_m**2, want.moment_inertia / want.mass, atol=1e-6)
    assert np.linalg.det(found.axes) == pytest.approx(1)
    inside = found.planes[:, :3] @ found.centroid + found.planes[:, 3]
    assert (inside < 0).all()


def test_planes_move_with_the_object() -> None:
    rng = np.random.default_rng(1)
    brick, T = box(0.04, 0.05, 0.03), pose(1, 2, 3, rotation=random_rotation(rng))
    planes = hull(brick).planes_at(T)
    corners = brick.vertices @ T[:3, :3].T + T[:3, 3]
    heights = corners @ planes[:, :3].T + planes[:, 3]
    np.testing.assert_allclose(heights.max(0), 0, atol=1e-8)  # each face holds a corner, and none lies beyond
    assert heights.min() < -0.05


def test_the_least_moment_of_a_rod_is_raised_and_no_other() -> None:
    """A square rod of length l and width w has 12 moments l² + w², l² + w², 2 w²."""
    for length, width in ((0.04, 0.0007), (1.0, 0.0001)):
        moments = np.sort(hull(box(length / 2, width / 2, width / 2)).moments)
        largest = (length**2 + width**2) / 12
        least = max(width**2 / 6, LEAST_MOMENT * largest)
        np.testing.assert_allclose(moments, [least, largest, largest], rtol=2e-3)


def test_what_is_no_solid_or_in_wrong_units_is_refused_in_one_line() -> None:
    grain = model(1e-6 * box(1, 1, 1).vertices, box(1, 1, 1).faces, name="grain")
    with pytest.raises(ValueError, match=r"grain is 3\.5e-06 m across, below 2e-05 m; give the unit of its file"):
        hull(grain)
    line = model([[0.1 * i, 0, 0] for i in range(4)], [[0, 1, 2], [1, 2, 3]], name="line")
    with pytest.raises(ValueError, match=r"line encloses no volume .*; repair or skip the mesh") as caught:
        hull(line)
    assert "\n" not in str(caught.value)
