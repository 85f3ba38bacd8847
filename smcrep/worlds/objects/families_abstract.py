"""Abstract families: boxes, fruit, blobs, extruded outlines, and composites of primitives."""

import numpy as np

from smcrep.geometry.rotations import axis_rotation, uniform_rotation_qr
from smcrep.worlds.objects.shapes import (
    Part,
    arc,
    box,
    cone,
    cup,
    cylinder,
    ellipsoid,
    prism,
    superquadric,
    torus,
    tube,
)

Rng = np.random.Generator


def _random_rotation(rng: Rng) -> np.ndarray:
    """[3, 3]: with probability 1/2 a product of right-angled rotations, else uniform on SO(3)."""
    if rng.uniform() < 0.5:
        x, y, z = (axis_rotation(axis, np.pi / 2 * rng.integers(4)) for axis in ("x", "y", "z"))
        return x @ y @ z
    return uniform_rotation_qr(rng)


def _outline(rng: Rng) -> np.ndarray:
    """[n, 2]: a closed curve star-shaped about the origin: polygons, stars, gears and soft shapes."""
    angle = 2 * np.pi * np.arange(48) / 48
    kind = rng.integers(3)
    if kind == 0:  # a regular or a squashed polygon
        sides = rng.integers(3, 8)
        radius = np.cos(np.pi / sides) / np.cos((angle + 1e-9) % (2 * np.pi / sides) - np.pi / sides)
    elif kind == 1:  # a star or a gear
        wave = np.sin(rng.integers(3, 9) * angle + rng.uniform(0, 6))
        radius = 1 + rng.uniform(0.1, 0.45) * np.tanh(rng.uniform(1, 6) * wave)
    else:  # a sum of waves
        order = np.arange(1, 6)
        phase, size = rng.uniform(0, 2 * np.pi, 5), rng.normal(size=5) / order
        radius = np.exp(0.4 * np.clip(np.sin(angle[:, None] * order + phase) @ size, -1.5, 1.5))
    return np.stack([radius * np.cos(angle), radius * rng.uniform(0.5, 1) * np.sin(angle)], 1)


def _lump(rng: Rng, part: Part, amount: float) -> Part:
    """Every vertex moved along its ray by a smooth random factor, which keeps a star-shaped body star-shaped."""
    vertices = part.vertices
    direction = vertices / np.linalg.norm(vertices, axis=1, keepdims=True)
    waves = rng.normal(size=(3, 6)) * rng.uniform(0.8, 2.2)
    field = np.sin(direction @ waves + rng.uniform(0, 2 * np.pi, 6)) @ rng.normal(size=6) / 6**0.5
    factor = np.exp(amount * np.clip(field, -2, 2))
    return Part(vertices * factor[:, None], part.faces, part.uv, part.material)


def carton(rng: Rng) -> list[Part]:
    """A packing box; a lid, a gable or a spout may make its ends differ."""
    x, y, z = rng.uniform(0.25, 1.0, 3)
    parts = [box(x, y, z, 7)]
    style = rng.integers(4)
    if style == 0:
        parts.append(box(x * 1.05, y * 1.05, 0.2 * z, 3).move(0, 0, 0.45 * z).paint(1))
    elif style == 1:
        parts.append(box(x, y, 0.5 * z, 4).taper(rng.uniform(0.1, 0.6)).move(0, 0, 0.74 * z).paint(1))
    elif style == 2:
        spot = rng.uniform(-0.25, 0.25, 2) * [x, y]
        parts.append(cylinder(0.15 * min(x, y), 0.15 * z, 16, 2).move(*spot, 0.55 * z).paint(1))
    return parts


def fruit(rng: Rng) -> list[Part]:
    long = rng.uniform(0.8, 3.0)
    body = superquadric(1, 1, long, rng.uniform(0.8, 1.1), 1, 26, 18)
    body = (
        _lump(rng, body, rng.uniform(0.0, 0.12)).taper(rng.uniform(0.6, 1.4)).bend(rng.uniform(0, 0.5) * (long > 1.6))
    )
    t = np.linspace(0, 1, 6)
    end = body.vertices[body.vertices[:, 2].argmax()]
    stem = end + np.stack([rng.uniform(-0.3, 0.3) * t**2, 0 * t, rng.uniform(0.2, 0.6) * t - 0.1], 1)
    parts = [body, tube(stem, rng.uniform(0.06, 0.12), up=(0, 1, 0), num_around=8).paint(1)]
    if rng.uniform() < 0.5:
        leaf = ellipsoid(0.5, 0.2, 0.03, 14, 6).turn(axis_rotation("y", rng.uniform(-0.6, 0.3)))
        parts.append(leaf.move(*(stem[-1] + [0.3, 0, 0])).paint(1))
    return parts


def blob(rng: Rng) -> list[Part]:
    a, b, c, along, around = rng.uniform([0.5, 0.5, 0.5, 0.3, 0.3], [1, 1, 1, 1.3, 1.3])
    body = superquadric(a, b, c, along, around, 32, 20)
    return [_lump(rng, body, rng.uniform(0.15, 0.5))]


def profile(rng: Rng) -> list[Part]:
    """An outline extruded, tapered and twisted; sometimes with a second one on top."""
    height = rng.uniform(0.3, 2.5)
    body = prism(_outline(rng), height, 10).taper(rng.uniform(0.4, 1.2)).twist(rng.uniform(-1.5, 1.5))
    if rng.uniform() < 0.5:
        return [body]
    crown = prism(_outline(rng) * rng.uniform(0.3, 0.7), rng.uniform(0.2, 1.0), 5)
    return [body, crown.move(*rng.uniform(-0.2, 0.2, 2), height / 2).paint(1)]


def _primitive(rng: Rng) -> Part:
    """A primitive of a random kind, proportions and deformation, of size about 1, about the origin."""
    a, b, c = np.exp(rng.uniform(np.log(0.2), 0, 3))
    kind = rng.integers(9)
    if kind == 0:
        part = box(2 * a, 2 * b, 2 * c, 5)
    elif kind == 1:
        part = cylinder(a, 2 * c, 20, 6).scale(1, rng.uniform(0.5, 1), 1)
    elif kind == 2:
        part = cone(a, rng.uniform(0, 0.7) * a, 2 * c, 20, 6)
    elif kind == 3:
        part = ellipsoid(a, b, c, 18, 10)
    elif kind == 4:
        part = superquadric(a, b, c, rng.uniform(0.15, 1.8), rng.uniform(0.15, 1.8), 20, 10)
    elif kind == 5:
        part = torus(1, rng.uniform(0.12, 0.45), rng.uniform(0.5, 1.5), 20, 8).scale(a, b, 0.7 * (a + b) / 2)
    elif kind == 6:
        part = prism(_outline(rng), 2 * c, 3).scale(a, b, 1)
    elif kind == 7:
        reach = rng.uniform(1.5, 5)
        part = arc(1, rng.uniform(0.1, 0.3), 0, reach, rng.uniform(0.6, 1.5), 16, 8).scale(a, b, 0.5)
        return part.move(*-part.vertices[rng.integers(len(part.vertices))])
    else:
        part = cup(np.linspace(rng.uniform(0.3, 1), 1, 6) * a, np.linspace(-c, c, 6), 0.12 * a, 16)
    if rng.uniform() < 0.3:
        part = part.taper(rng.uniform(0.3, 1.0))
    if rng.uniform() < 0.25:
        part = part.bend(rng.uniform(-0.4, 0.4))
    if rng.uniform() < 0.25:
        part = part.twist(rng.uniform(-1.5, 1.5))
    return part


def composite(rng: Rng) -> list[Part]:
    """2 to 6 random primitives, each grown from a random point of the surface of an earlier one; some come in pairs,
    opposite each other, as legs and ears do."""
    size, shrink = rng.uniform(0.7, 1.2), rng.uniform(0.6, 1.0)
    parts = [_primitive(rng).turn(_random_rotation(rng)).scale(size, size, size)]
    materials = int(rng.integers(2, 5))
    for number in range(1, int(rng.integers(2, 7))):
        base = parts[rng.integers(len(parts))]
        anchor = base.vertices[rng.integers(len(base.vertices))]
        size = rng.uniform(0.4, 1.0) * shrink
        added = _primitive(rng).turn(_random_rotation(rng)).scale(size, size, size).paint(number % materials)
        root = added.vertices[rng.integers(len(added.vertices))]
        added = added.move(*(anchor - rng.uniform(0.5, 0.95) * root))
        parts.append(added)
        if number < 4 and rng.uniform() < 0.25:  # a copy on the other side of the first part
            parts.append(added.turn(axis_rotation("z", np.pi)))
    return parts


ABSTRACT = {
    "box": (carton, 0.05, 0.26),
    "fruit": (fruit, 0.05, 0.2),
    "blob": (blob, 0.05, 0.16),
    "profile": (profile, 0.05, 0.2),
    "composite": (composite, 0.07, 0.28),
}
"""name -> (maker, smallest and largest side of the bounding box in metres)."""
