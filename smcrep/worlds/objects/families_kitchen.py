"""Kitchen families. A maker draws a shape in arbitrary units, z up; the materials number its colours."""

import numpy as np

from smcrep.geometry.rotations import axis_rotation
from smcrep.worlds.objects.shapes import (
    Part,
    arc,
    box,
    cup,
    cylinder,
    ellipsoid,
    lathe,
    smooth_profile,
    superquadric,
    torus,
    tube,
)

Rng = np.random.Generator


def _vessel(rng: Rng, bottom: float, top: float, height: float, bulge: float) -> tuple[np.ndarray, np.ndarray]:
    """Outer profile of an open vessel: from the radius at the bottom to that at the top, bulging in between."""
    t = np.linspace(0, 1, 12)
    return bottom + (top - bottom) * t ** rng.uniform(0.5, 1.5) + bulge * np.sin(np.pi * t), height * t


def _upright_arc(major: float, minor: float, width: float, flatten: float) -> Part:
    """Half a ring that stands in the xz plane and bulges to +x, from its lower end to its upper one."""
    half = arc(major, minor, -np.pi / 2, np.pi / 2, flatten, num=14, num_around=8)
    return half.turn(axis_rotation("x", np.pi / 2)).scale(width, 1, 1)


def mug(rng: Rng) -> list[Part]:
    height, bottom = rng.uniform(1.6, 2.9), rng.uniform(0.65, 1.1)
    radius, z = _vessel(rng, bottom, rng.uniform(0.95, 1.15), height, rng.uniform(-0.15, 0.25))
    grip = height * rng.uniform(0.22, 0.36)
    centre = height * rng.uniform(0.4, 0.6)
    wall = np.interp(centre, z, radius)
    handle = _upright_arc(grip, rng.uniform(0.09, 0.16), rng.uniform(0.7, 1.2), rng.uniform(0.8, 2.0))
    return [cup(radius, z, rng.uniform(0.07, 0.14)), handle.move(wall * 0.96, 0, centre).paint(int(rng.integers(2)))]


def bottle(rng: Rng) -> list[Part]:
    body, shoulder, neck = rng.uniform(1.5, 3.2), rng.uniform(0.3, 1.2), rng.uniform(0.3, 0.9)
    narrow, waist = rng.uniform(0.25, 0.5), rng.uniform(0.75, 1.05)
    top = body + shoulder
    profile = smooth_profile([0.92, 1, waist, 1, narrow, narrow], [0, 0.15, body / 2, body, top, top + neck], 24)
    flask = lathe(*profile, num_around=24).scale(1, rng.uniform(0.55, 1.0), 1)
    cap_height = rng.uniform(0.25, 0.6)
    cap = cylinder(narrow * rng.uniform(1.05, 1.4), cap_height, 16, 2).scale(1, 0.9, 1)
    parts = [flask, cap.move(0, 0, top + neck).paint(1)]
    style = rng.integers(3)
    if style == 0:  # a jug's handle
        reach = 0.5 * body * rng.uniform(0.5, 0.8)
        parts.append(_upright_arc(reach, 0.12, rng.uniform(0.6, 1), 1.0).move(0.9, 0, body * 0.55).paint(1))
    elif style == 1:  # a spray nozzle
        nozzle = box(rng.uniform(0.8, 1.4), 0.35, 0.35, 2).move(0.4, 0, top + neck + cap_height / 2)
        trigger = box(0.15, 0.25, rng.uniform(0.5, 0.9), 2).turn(axis_rotation("y", -0.4))
        parts += [nozzle.paint(1), trigger.move(0.75, 0, top + neck - 0.15).paint(1)]
    return parts


def bowl(rng: Rng) -> list[Part]:
    height, foot = rng.uniform(0.45, 1.1), rng.uniform(0.25, 0.55)
    angle = np.linspace(0, np.pi / 2, 14)
    radius, z = foot + (1 - foot) * np.sin(angle), height * (1 - np.cos(angle)) ** rng.uniform(0.7, 1.3)
    parts = [cup(radius, z + 0.1, rng.uniform(0.04, 0.1)), cylinder(foot * 0.9, 0.2, 20, 2).paint(1)]
    if rng.uniform() < 0.4:  # two ears, one larger
        for side, size in ((1, 0.2), (-1, rng.uniform(0.1, 0.2))):
            ear = torus(size, 0.05, num_along=16, num_around=6)
            parts.append(ear.move(side * (0.95 + size / 2), 0, height * 0.85 + 0.1).paint(1))
    return parts


def can(rng: Rng) -> list[Part]:
    height, rim = rng.uniform(0.6, 3.0), rng.uniform(0.9, 1.0)
    profile = [rim, rim, 1, 1, rim, rim]
    levels = [0, 0.06, 0.14, height - 0.14, height - 0.06, height]
    shell = lathe(np.repeat(profile, 2), np.interp(np.linspace(0, 5, 12), np.arange(6), levels))
    lid = cylinder(rim * 0.97, 0.04, 24, 1).move(0, 0, height).paint(1)
    tab = torus(0.22, 0.05, 0.6, 16, 6).scale(1.6, 1, 1).move(rng.uniform(0.2, 0.5), 0, height + 0.04)
    return [shell, lid, tab.paint(1)]


def plate(rng: Rng) -> list[Part]:
    well, depth = rng.uniform(0.45, 0.75), rng.uniform(0.06, 0.22)
    radius = np.array([well * 0.8, well, well + 0.12, 1.0])
    z = np.array([0, 0.02, 0.6 * depth, depth])
    profile = smooth_profile(list(radius), list(z), 12)
    dish = cup(*profile, wall=rng.uniform(0.02, 0.05), num_around=36).scale(1, rng.choice([1, rng.uniform(0.6, 1)]), 1)
    return [dish.project_uv() if rng.uniform() < 0.6 else dish]


def pan(rng: Rng) -> list[Part]:
    depth, length = rng.uniform(0.2, 0.8), rng.uniform(1.0, 2.2)
    radius, z = _vessel(rng, rng.uniform(0.7, 0.95), 1.0, depth, 0.03)
    t = np.linspace(0, 1, 10)
    rise = rng.uniform(0.0, 0.5)
    path = np.stack([0.9 + length * t, 0 * t, depth * 0.8 + rise * t**0.7], 1)
    handle = tube(path, rng.uniform(0.06, 0.12) * (1 + 0.5 * t), flatten=rng.uniform(0.5, 1), num_around=10)
    parts = [cup(radius, z, 0.05), handle.paint(1)]
    if rng.uniform() < 0.4:
        parts.append(torus(0.16, 0.05, num_along=16, num_around=6).move(-1.08, 0, depth * 0.85).paint(1))
    return parts


def teapot(rng: Rng) -> list[Part]:
    height = rng.uniform(0.7, 1.1)
    body = superquadric(1, 1, height, rng.uniform(0.5, 1.1), 1.0, 24, 12)
    t = np.linspace(0, 1, 10)
    reach = rng.uniform(0.6, 1.1)
    path = np.stack([0.75 + reach * t, 0 * t, -0.3 * height + (1.1 * height + 0.2) * t ** rng.uniform(1, 2.5)], 1)
    spout = tube(path, np.linspace(rng.uniform(0.2, 0.35), 0.1, 10), up=(0, 1, 0), num_around=10)
    handle = _upright_arc(rng.uniform(0.4, 0.6), 0.1, rng.uniform(0.8, 1.3), 1.0).turn(axis_rotation("z", np.pi))
    lid = ellipsoid(0.6, 0.6, 0.16, 20, 8).move(0, 0, height * 0.97)
    knob = ellipsoid(0.13, 0.13, rng.uniform(0.1, 0.22), 12, 8).move(0, 0, height + 0.2)
    return [body, spout.paint(1), handle.move(-0.85, 0, 0).paint(1), lid.paint(2), knob.paint(1)]


def spatula(rng: Rng) -> list[Part]:
    length, width = rng.uniform(1.4, 2.4), rng.uniform(0.6, 1.2)
    blade = superquadric(rng.uniform(0.55, 0.9), width / 2, 0.05, 0.3, rng.uniform(0.2, 0.8), 24, 8).project_uv()
    t = np.linspace(0, 1, 12)
    path = np.stack([0.4 + length * t, 0 * t, rng.uniform(0.1, 0.6) * np.minimum(1, 2 * t) ** 1.5], 1)
    grip = np.where(t > 0.55, rng.uniform(0.1, 0.16), 0.06)
    return [blade, tube(path, grip, up=(0, 1, 0), flatten=rng.uniform(0.7, 1.5), num_around=10).paint(1)]


def spoon(rng: Rng) -> list[Part]:
    width, depth = rng.uniform(0.25, 0.45), rng.uniform(0.12, 0.3)
    angle = np.linspace(0, np.pi / 2, 8)
    hollow = cup(np.maximum(width * np.sin(angle), 0.02), depth * (1 - np.cos(angle)), 0.04, 20)
    t = np.linspace(0, 1, 12)
    arch = rng.uniform(0.05, 0.4)
    path = np.stack([rng.uniform(0.5, 0.56) + rng.uniform(1.5, 2.6) * t, 0 * t, depth + arch * np.sin(np.pi * t)], 1)
    handle = tube(path, np.linspace(0.05, rng.uniform(0.07, 0.15), 12), up=(0, 1, 0), flatten=1.8, num_around=8)
    return [hollow.scale(0.6 / width, 1, 1), handle.paint(1)]


KITCHEN = {
    "mug": (mug, 0.08, 0.14),
    "bottle": (bottle, 0.12, 0.28),
    "bowl": (bowl, 0.1, 0.22),
    "can": (can, 0.06, 0.16),
    "plate": (plate, 0.12, 0.28),
    "pan": (pan, 0.16, 0.3),
    "teapot": (teapot, 0.12, 0.24),
    "spatula": (spatula, 0.15, 0.3),
    "spoon": (spoon, 0.12, 0.25),
}
"""name -> (maker, smallest and largest side of the bounding box in metres)."""
