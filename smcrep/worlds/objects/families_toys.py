"""Toys and small furniture. A maker draws a shape in arbitrary units, z up; the materials number its colours."""

import numpy as np

from smcrep.geometry.rotations import axis_rotation
from smcrep.worlds.objects.shapes import (
    Part,
    box,
    cone,
    cup,
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


def lamp(rng: Rng) -> list[Part]:
    height, lean = rng.uniform(1.6, 3.0), rng.uniform(0, 0.9)
    t = np.linspace(0, 1, 12)
    pole = np.stack([lean * np.sin(np.pi * t / 2 * rng.uniform(1, 1.7)), 0 * t, height * t], 1)
    foot = superquadric(rng.uniform(0.4, 0.7), rng.uniform(0.4, 0.7), 0.1, 0.3, rng.uniform(0.3, 1), 20, 8)
    wide, narrow, tall = rng.uniform(0.55, 1.0), rng.uniform(0.2, 0.5), rng.uniform(0.5, 1.0)
    shade = cup(np.linspace(narrow, wide, 8), np.linspace(0, tall, 8), 0.05, 24).turn(axis_rotation("x", np.pi))
    shade = shade.turn(axis_rotation("y", rng.uniform(0.0, 0.9) * (lean > 0.4)))
    bulb = ellipsoid(0.18, 0.18, 0.25, 12, 8).move(pole[-1, 0], 0, height - 0.2)
    rod = tube(pole, rng.uniform(0.04, 0.1), up=(0, 1, 0), num_around=8)
    return [foot, rod, shade.move(pole[-1, 0], 0, height + 0.1).paint(1), bulb.paint(2)]


def chair(rng: Rng) -> list[Part]:
    width, depth, height = rng.uniform(0.8, 1.1), rng.uniform(0.8, 1.1), rng.uniform(0.7, 1.2)
    thick, leg = rng.uniform(0.06, 0.2), rng.uniform(0.04, 0.08)
    seat = superquadric(depth / 2, width / 2, thick / 2, 0.3, rng.uniform(0.2, 0.7), 20, 8)
    parts = [seat.move(0, 0, height)]
    splay = rng.uniform(0.85, 1.25)
    for x in (-1, 1):
        for y in (-1, 1):
            bottom, top = np.array([x * depth * splay, y * width * splay, 0]) * 0.42, [x * depth * 0.42, 0, height]
            top = np.array([top[0], y * width * 0.42, height])
            path = bottom + np.linspace(0, 1, 4)[:, None] * (top - bottom)
            parts.append(tube(path, leg, up=(0, 1, 0), num_around=8).paint(1))
    back, tilt = rng.uniform(0.7, 1.3), axis_rotation("y", -rng.uniform(0, 0.25))
    edge = -depth * 0.45
    if rng.uniform() < 0.5:
        panel = superquadric(0.06, width / 2, back / 2, 0.3, 0.3, 20, 10).move(0, 0, back / 2).turn(tilt)
        parts.append(panel.move(edge, 0, height).paint(2))
    else:
        num_bars = int(rng.integers(2, 6))
        for y in np.linspace(-0.42, 0.42, num_bars) * width:
            parts.append(cylinder(0.04, back, 8, 2).move(0, y, back / 2).turn(tilt).move(edge, 0, height).paint(1))
        rail = superquadric(0.06, width / 2, rng.uniform(0.08, 0.2), 0.3, 0.3, 16, 6).move(0, 0, back).turn(tilt)
        parts.append(rail.move(edge, 0, height).paint(2))
    if rng.uniform() < 0.35:  # one or two armrests
        for y in (-1, 1)[: int(rng.integers(1, 3))]:
            armrest = box(depth * 0.8, 0.08, 0.07, 2).move(0, y * width * 0.5, height + 0.45)
            post = box(0.07, 0.07, 0.45, 2).move(depth * 0.35, y * width * 0.5, height + 0.22)
            parts += [armrest.paint(2), post.paint(1)]
    return parts


def table(rng: Rng) -> list[Part]:
    length, width, height = rng.uniform(0.7, 1.4), rng.uniform(0.5, 1.0), rng.uniform(0.4, 1.2)
    top = superquadric(length, width, rng.uniform(0.04, 0.1), 0.2, rng.choice([0.15, 0.5, 1.0]), 28, 8)
    parts = [top.project_uv().move(0, 0, height)]
    if rng.uniform() < 0.35:  # a stem on a foot
        stem = smooth_profile(list(rng.uniform(0.06, 0.2, 4)), [0, height / 3, height / 2, height], 14)
        parts += [lathe(*stem, num_around=16).paint(1), cone(rng.uniform(0.35, 0.6), 0.1, 0.15, 20, 3).paint(1)]
    else:
        radius, taper = rng.uniform(0.05, 0.1), rng.uniform(0.5, 1.0)
        for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            foot = cone(radius * taper, radius, height, 12, 4)
            parts.append(foot.move(x * length * 0.65, y * width * 0.65, height / 2).paint(1))
    if rng.uniform() < 0.5:  # a drawer on one side
        drawer = box(0.5 * length, width, 0.2, 3).move(0.3 * length, 0, height - 0.1)
        knob = ellipsoid(0.05, 0.05, 0.05, 10, 6).move(0.3 * length, width * 0.52, height - 0.12)
        parts += [drawer.paint(2), knob.paint(1)]
    return parts


def brick(rng: Rng) -> list[Part]:
    long, wide, tall = int(rng.integers(1, 5)), int(rng.integers(1, 4)), rng.uniform(0.4, 1.3)
    parts = [box(long, wide, tall, 6).move(0, 0, tall / 2)]
    radius, rise = rng.uniform(0.22, 0.35), rng.uniform(0.15, 0.3)
    taller = int(rng.integers(long * wide + 1))  # the index of one taller stud, or of none
    for stud in range(long * wide):
        x, y = stud % long - (long - 1) / 2, stud // long - (wide - 1) / 2
        height = rise * (3.0 if stud == taller else 1.0)
        parts.append(cylinder(radius, height, 16, 2).move(x, y, tall + height / 2).paint(1 if stud == taller else 2))
    return parts


def airplane(rng: Rng) -> list[Part]:
    length, body = rng.uniform(1.2, 1.8), rng.uniform(0.14, 0.26)
    profile = smooth_profile(list(body * np.array([0.15, 0.5, 1, 1, 0.6, 0.05])), list(length * np.linspace(-1, 1, 6)))
    hull = lathe(*profile, num_around=20).turn(axis_rotation("y", np.pi / 2))
    span, sweep, chord = rng.uniform(0.8, 1.7), rng.uniform(-0.1, 0.7), rng.uniform(0.25, 0.45)

    def wing(span: float, chord: float) -> list[Part]:
        outline = np.array([[-chord, 0], [chord, 0], [chord * 0.4 - sweep * span, span], [-chord - sweep * span, span]])
        centre = outline.mean(0)
        left = prism(outline - centre, 0.06, 2).move(*centre, 0)
        right = prism((outline * [1, -1])[::-1] - centre * [1, -1], 0.06, 2).move(*(centre * [1, -1]), 0)
        return [left, right]

    height = rng.uniform(-0.6, 0.9) * body
    parts = [hull] + [w.move(0.1, 0, height).paint(1) for w in wing(span, chord)]
    parts += [w.move(-0.85 * length, 0, body * 0.3).paint(2) for w in wing(span * 0.35, chord * 0.5)]
    fin = box(0.3, 0.06, rng.uniform(0.35, 0.6), 3).taper(0.7).move(-0.9 * length, 0, body + 0.15)
    parts.append(fin.paint(2))
    if rng.uniform() < 0.6:
        for side in (-1, 1):
            engine = ellipsoid(0.25, 0.09, 0.09, 12, 8).move(0.15, side * span * 0.45, height - 0.12)
            parts.append(engine.paint(3))
    else:
        blade = box(0.05, rng.uniform(0.7, 1.1), 0.1, 3).turn(axis_rotation("x", rng.uniform(0, np.pi)))
        parts.append(blade.move(length, 0, 0).paint(3))
    return parts


def car(rng: Rng) -> list[Part]:
    length, width, height = rng.uniform(0.9, 1.4), rng.uniform(0.4, 0.6), rng.uniform(0.2, 0.35)
    body = superquadric(length, width, height, rng.uniform(0.15, 0.5), rng.uniform(0.15, 0.5), 24, 10)
    cabin_length, cabin = length * rng.uniform(0.35, 0.7), rng.uniform(0.25, 0.5)
    roof = box(2 * cabin_length, width * 1.7, cabin, 4).taper(rng.uniform(0.55, 0.95))
    parts = [body, roof.move(rng.uniform(-0.4, 0.2) * length, 0, height + cabin / 2 - 0.05).paint(1)]
    radius = rng.uniform(0.18, 0.3)
    for x in (-0.6, 0.6):
        for y in (-1, 1):
            wheel = cylinder(radius, 0.18, 18, 2).turn(axis_rotation("x", np.pi / 2))
            parts.append(wheel.move(x * length, y * width, -height).paint(2))
    lights = [ellipsoid(0.05, 0.09, 0.09, 10, 6).move(length, y * width * 0.6, 0.02).paint(3) for y in (-1, 1)]
    return parts + lights


def animal(rng: Rng) -> list[Part]:
    long, wide, high = rng.uniform(0.7, 1.2), rng.uniform(0.3, 0.5), rng.uniform(0.3, 0.5)
    legs = rng.uniform(0.3, 1.0)
    parts = [ellipsoid(long, wide, high, 24, 12)]
    neck, head = rng.uniform(0.0, 1.0), rng.uniform(0.22, 0.4)
    crown = np.array([long * 0.9 + 0.3 * neck, 0, high * 0.5 + neck])
    shoulder = np.array([long * 0.7, 0, 0])
    parts.append(tube(shoulder + np.linspace(0, 1, 5)[:, None] * (crown - shoulder), head * 0.5, up=(0, 1, 0)))
    parts.append(ellipsoid(head * rng.uniform(1, 1.6), head, head, 18, 10).move(*crown).paint(1))
    ear, size = rng.uniform(0.1, 0.5), rng.uniform(0.06, 0.12)
    for y in (-1, 1):
        parts.append(cone(size, 0.02, ear, 10, 2).move(*crown).move(-0.05, y * head * 0.6, head + 0.3 * ear).paint(2))
        for x in (-0.6, 0.6):
            limb = cone(0.08, rng.uniform(0.1, 0.18), legs, 12, 4)
            parts.append(limb.move(x * long, y * wide * 0.6, -high * 0.6 - legs / 2).paint(2))
    t = np.linspace(0, 1, 10)
    curl = rng.uniform(-0.6, 0.8)
    tail = np.stack([-long * 0.9 - rng.uniform(0.2, 0.8) * t, 0 * t, 0.1 + curl * t**2], 1)
    return [*parts, tube(tail, np.linspace(0.1, 0.04, 10), up=(0, 1, 0), num_around=8).paint(1)]


def dumbbell(rng: Rng) -> list[Part]:
    bar = rng.uniform(0.5, 1.2)
    parts = [cylinder(rng.uniform(0.1, 0.2), 2 * bar, 16, 8).paint(2)]
    kind = rng.integers(3)
    for side, size in ((-1, 1.0), (1, rng.uniform(0.6, 1.0))):
        radius, half = size * rng.uniform(0.4, 0.7), size * rng.uniform(0.2, 0.4)
        weight = (
            cylinder(radius, 2 * half, 24, 4),
            ellipsoid(radius, radius, radius, 20, 12),
            superquadric(radius, radius, half, 0.3, 0.4, 20, 10),
        )[kind]
        parts.append(weight.move(0, 0, side * bar).paint(0 if side < 0 else 1))
    return [part.turn(axis_rotation("y", np.pi / 2)) for part in parts]


def ring(rng: Rng) -> list[Part]:
    thick = rng.uniform(0.08, 0.35)
    band = torus(1, thick, rng.uniform(0.4, 2.5), 40, 14)
    stone = rng.uniform(0.15, 0.5)
    jewel = superquadric(stone, stone, stone, rng.uniform(0.3, 1.8), rng.uniform(0.3, 1.8), 16, 10).move(
        1 + thick, 0, 0
    )
    parts = [band, jewel.paint(1)]
    for angle in rng.uniform(1, 5, int(rng.integers(0, 4))):
        bead = ellipsoid(0.14, 0.14, 0.14, 10, 8).move((1 + thick) * np.cos(angle), (1 + thick) * np.sin(angle), 0)
        parts.append(bead.paint(2))
    return parts


TOYS = {
    "lamp": (lamp, 0.12, 0.3),
    "chair": (chair, 0.1, 0.28),
    "table": (table, 0.1, 0.28),
    "brick": (brick, 0.04, 0.12),
    "airplane": (airplane, 0.1, 0.26),
    "car": (car, 0.06, 0.18),
    "animal": (animal, 0.07, 0.2),
    "dumbbell": (dumbbell, 0.1, 0.26),
    "ring": (ring, 0.04, 0.14),
}
"""name -> (maker, smallest and largest side of the bounding box in metres)."""
