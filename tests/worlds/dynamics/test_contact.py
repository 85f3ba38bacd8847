"""Contacts lie on the surface at every height."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from smcrep.worlds.dynamics.contact import square_contact
from tests.worlds.scenes import box


def test_contact_lies_on_the_surface_of_a_slanting_hull() -> None:
    """Sheared, so that the hull does not reach its full height above and below the centroid."""
    corners = box(0.04, 0.04, 0.1).vertices.astype(np.float64)
    corners[:, 0] += 1.2 * corners[:, 2]
    rng = np.random.default_rng(0)
    for turn in Rotation.random(20, rng=0).as_matrix():
        hull = corners @ turn.T
        planes = ConvexHull(hull).equations
        contact, azimuth = square_contact(hull, planes, np.zeros(3), rng.uniform(-0.49, 0.49), 90.0, rng)
        assert (planes[:, :3] @ contact + planes[:, 3]).max() == pytest.approx(0, abs=1e-9)
        np.testing.assert_allclose(contact[:2], np.hypot(*contact[:2]) * np.array([np.cos(azimuth), np.sin(azimuth)]))
