"""Contact points of pushes: points of the hull at a given height, on a side that faces the finger."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SIDES = 32
"""Azimuths about the centroid among which a side is chosen."""


def square_contact(
    points: Floats, planes: Floats, centroid: Floats, height: float, square_deg: float, rng: np.random.Generator
) -> tuple[Floats, float]:
    """A point of a hull's surface, metres, and its azimuth about the centroid, radians.

    points      [h, 3] corners of the hull, z up; centroid [3] lies within.
    planes      [p, 4] its faces, outward normal and offset: {x: n x + d <= 0} is the hull.
    height      above mid height, in heights of the hull; clipped to the hull straight above and below its centroid
                (which matters where the hull slants).
    square_deg  sides qualify where the angle between the surface's normal and the horizontal line out of the centroid
                is at most this much larger than its minimum over all sides.
    """
    low, high = points[:, 2].min(), points[:, 2].max()
    up, down = 0.95 * _ray_exit(planes, centroid, np.array([[0.0, 0, 1], [0, 0, -1]]))[0]
    inside = centroid.copy()
    inside[2] += np.clip((low + high) / 2 + height * (high - low) - centroid[2], -down, up)
    azimuths = (rng.random() + np.arange(SIDES)) * 2 * np.pi / SIDES
    outward = np.stack([np.cos(azimuths), np.sin(azimuths), 0 * azimuths], 1)
    distance, cosine = _ray_exit(planes, inside, outward)
    oblique = np.degrees(np.arccos(np.minimum(cosine, 1)))
    side = rng.choice(np.flatnonzero(oblique <= oblique.min() + square_deg))
    return inside + distance[side] * outward[side], float(azimuths[side])


def _ray_exit(planes: Floats, inside: Floats, directions: Floats) -> tuple[Floats, Floats]:
    """Of a hull {x: n x + d <= 0}, ``planes`` [p, 4] = (n, d): distance [m] from a point within to its surface along
    unit ``directions`` [m, 3], and the cosine [m] between the direction and the outward normal there."""
    slope, clearance = planes[:, :3] @ directions.T, -(planes[:, :3] @ inside + planes[:, 3])[:, None]
    distance = np.divide(clearance, slope, out=np.full_like(slope, np.inf), where=slope > 1e-9)
    met = distance.argmin(0), np.arange(len(directions))
    return distance[met], slope[met]
