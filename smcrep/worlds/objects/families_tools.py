"""Tools and hardware. A maker draws a shape in arbitrary units; the materials number its colours."""

import numpy as np

from smcrep.geometry.rotations import axis_rotation
from smcrep.worlds.objects.shapes import (
    Part,
    box,
    cone,
    cylinder,
    ellipsoid,
    lathe,
    prism,
    smooth_profile,
    superquadric,
    torus,
    tube,
)

Rng = np.random.Generator


def regular(num_sides: int, radius: float) -> np.ndarray:
    """[num_sides, 2]: corners of a regular polygon, counter-clockwise."""
    angle = 2 * np.pi * np.arange(num_sides) / num_sides
    return radius * np.stack([np.cos(angle), np.sin(angle)], 1)


def _grip(rng: Rng, length: float, radius: float) -> Part:
    """A tool's handle along x, from the origin to ``length``: thicker at places, oval across."""
    swell = rng.uniform(0.75, 1.3, 4)
    profile = smooth_profile(list(radius * swell), list(length * np.linspace(0, 1, 4)), 16)
    return lathe(*profile, num_around=14).scale(rng.uniform(0.7, 1), 1, 1).turn(axis_rotation("y", np.pi / 2))


def hammer(rng: Rng) -> list[Part]:
    length, reach = rng.uniform(2.2, 3.6), rng.uniform(0.5, 0.8)
    handle = _grip(rng, length, rng.uniform(0.12, 0.18))
    head = superquadric(0.24, 0.24, reach, 0.2, rng.uniform(0.2, 1), 20, 10).turn(axis_rotation("x", np.pi / 2))
    face = cylinder(rng.uniform(0.24, 0.36), 0.3, 20, 2).turn(axis_rotation("x", np.pi / 2)).move(0, reach, 0)
    parts = [handle, head.paint(1), face.paint(1)]
    if rng.uniform() < 0.6:  # a claw, split in two and bent down
        t = np.linspace(0, 1, 8)
        for side in (-1, 1):
            path = np.stack([0.5 * t**2 * rng.uniform(0.8, 1.2), -reach * (0.8 + 0.9 * t), side * (0.06 + 0.12 * t)], 1)
            parts.append(tube(path, np.linspace(0.16, 0.05, 8), num_around=8).paint(1))
    else:  # a wedge
        wedge = box(0.3, 0.4, 0.8, 3).taper(0.2).turn(axis_rotation("x", np.pi / 2))
        parts.append(wedge.move(0, -reach * 1.3, 0).paint(1))
    return parts


def screw(rng: Rng) -> list[Part]:
    length, radius, thread = rng.uniform(1.5, 4.0), rng.uniform(0.25, 0.4), rng.uniform(0.05, 0.1)
    turns, covered = rng.uniform(4, 9), rng.uniform(0.5, 0.95)
    t = np.linspace(0, 1, int(turns * 14))
    helix = np.stack(
        [radius * np.cos(2 * np.pi * turns * t), radius * np.sin(2 * np.pi * turns * t), length * covered * t], 1
    )
    parts = [
        cylinder(radius, length, 18, 4).move(0, 0, length / 2),
        tube(helix, thread, num_around=6),
        cone(0.02, radius, rng.uniform(0.05, 0.7), 18, 3).move(0, 0, -0.01),
    ]
    wide, high = rng.uniform(1.7, 2.6) * radius, rng.uniform(0.2, 0.5)
    style = rng.integers(3)
    if style == 0:
        parts.append(prism(regular(6, wide), high, 3).move(0, 0, length).paint(1))
    elif style == 1:
        parts.append(ellipsoid(wide, wide, high, 20, 10).move(0, 0, length).paint(1))
    else:
        parts.append(cone(radius, wide, high, 20, 3).move(0, 0, length).paint(1))
    parts.append(box(1.5 * wide, 0.3 * wide, 0.1, 2).move(0.15 * wide, 0, length + high * 0.75).paint(2))
    return parts


def key(rng: Rng) -> list[Part]:
    bow, length = rng.uniform(0.4, 0.7), rng.uniform(1.2, 2.2)
    ring = torus(bow, rng.uniform(0.12, 0.22), rng.uniform(0.4, 0.9), 28, 10).scale(1, rng.uniform(0.7, 1.3), 1)
    shaft = box(length, 0.2, 0.14, 4).move(bow + length / 2, 0, 0)
    parts = [ring.project_uv(), shaft.paint(1)]
    for place in np.linspace(0.45, 0.95, int(rng.integers(2, 6))):
        tooth = rng.uniform(0.12, 0.4)
        parts.append(box(0.1, tooth, 0.13, 2).move(bow + length * place, -0.1 - tooth / 2, 0).paint(1))
    return parts


def screwdriver(rng: Rng) -> list[Part]:
    length, radius = rng.uniform(1.0, 1.6), rng.uniform(0.2, 0.32)
    shape = rng.uniform(0.7, 1.1, 5)
    profile = smooth_profile(list(radius * shape), list(np.linspace(0, length, 5)), 20)
    handle = lathe(*profile, num_around=int(rng.choice([6, 8, 20]))).turn(axis_rotation("y", -np.pi / 2))
    blade = rng.uniform(0.8, 2.2)
    rod = cylinder(rng.uniform(0.06, 0.1), blade, 12, 6).turn(axis_rotation("y", np.pi / 2)).move(blade / 2, 0, 0)
    tip = box(0.3, 0.24, 0.05, 2).move(blade, 0, 0)
    collar = cylinder(radius * 0.8, 0.12, 20, 2).turn(axis_rotation("y", np.pi / 2)).paint(2)
    return [handle, rod.paint(1), tip.paint(1), collar]


def wrench(rng: Rng) -> list[Part]:
    length, width = rng.uniform(2.0, 3.2), rng.uniform(0.25, 0.4)
    bar = superquadric(length / 2, width / 2, rng.uniform(0.06, 0.12), 0.3, 0.3, 20, 8).move(length / 2, 0, 0)
    eye = torus(rng.uniform(0.25, 0.4), 0.14, rng.uniform(0.6, 1), 24, 10).move(length + 0.2, 0, 0)
    gape, reach = rng.uniform(0.2, 0.32), rng.uniform(0.4, 0.6)
    parts = [bar.project_uv(), eye.paint(1), ellipsoid(0.35, 0.4, 0.16, 18, 10).paint(1)]
    for side, size in ((1, 1.0), (-1, rng.uniform(0.8, 1.3))):
        jaw = box(reach * size, 0.2, 0.24, 3).turn(axis_rotation("z", rng.uniform(-0.15, 0.15)))
        parts.append(jaw.move(-0.2 - reach * size / 2, side * gape, 0).paint(1))
    return parts


def pliers(rng: Rng) -> list[Part]:
    t = np.linspace(0, 1, 14)
    length, spread = rng.uniform(1.6, 2.6), rng.uniform(0.25, 0.6)
    jaw, thick = rng.uniform(0.6, 1.3), rng.uniform(0.1, 0.16)
    parts = [cylinder(rng.uniform(0.22, 0.32), 0.3, 20, 3).paint(1)]
    for side, scale in ((1, 1.0), (-1, rng.uniform(0.85, 1.15))):
        x, y = -length * scale * t, side * (0.08 + spread * np.sin(np.pi * t**0.7) * 0.7 + 0.25 * spread * t)
        parts.append(tube(np.stack([x, y, 0 * t], 1), thick * (0.8 + 0.5 * t), num_around=10))
        tip = cone(0.2, 0.06, jaw, 12, 4).scale(1, 0.6, 1).turn(axis_rotation("y", np.pi / 2))
        parts.append(tip.move(jaw / 2, side * 0.13, 0).paint(1))
    return parts


TOOLS = {
    "hammer": (hammer, 0.14, 0.3),
    "screw": (screw, 0.04, 0.12),
    "key": (key, 0.05, 0.1),
    "screwdriver": (screwdriver, 0.12, 0.26),
    "wrench": (wrench, 0.12, 0.26),
    "pliers": (pliers, 0.12, 0.22),
}
"""name -> (maker, smallest and largest side of the bounding box in metres)."""
