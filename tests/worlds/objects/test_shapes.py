"""Every primitive is closed, faces outward, has the volume of its formula, and shows its texture unmirrored."""

import numpy as np
import pytest
import trimesh

from smcrep.geometry.rotations import axis_rotation
from smcrep.worlds.objects.shapes import (
    Part,
    arc,
    box,
    cone,
    cup,
    cylinder,
    ellipsoid,
    lathe,
    prism,
    superquadric,
    torus,
    tube,
)

STRAIGHT = np.stack([0 * np.arange(9), 0 * np.arange(9), np.linspace(0, 3, 9)], 1)
SQUARE = np.array([[1.0, -1], [1, 1], [-1, 1], [-1, -1]])
SECTOR = 24 / (2 * np.pi) * np.sin(2 * np.pi / 24)  # area of a regular 24-gon over that of its circle

SHAPES: dict[str, tuple[Part, float]] = {
    "box": (box(1, 2, 3), 6),
    "cylinder": (cylinder(0.5, 2), np.pi * 0.25 * 2 * SECTOR),
    "cone": (cone(1, 0, 3), np.pi * SECTOR),
    "frustum": (cone(2, 1, 3), np.pi * 7 * SECTOR),
    "ellipsoid": (ellipsoid(1, 2, 3, 96, 96), 8 * np.pi),
    "octahedron": (superquadric(1, 1, 1, 2, 2, 32, 32), 4 / 3),
    "torus": (torus(2, 0.5, num_along=96, num_around=48), 2 * np.pi**2 * 2 * 0.25),
    "half torus": (arc(2, 0.5, 0, np.pi, num=96, num_around=48), np.pi**2 * 2 * 0.25),
    "tube": (tube(STRAIGHT, 0.5, up=(1, 0, 0), num_around=24), np.pi * 0.25 * 3 * SECTOR),
    "flat tube": (tube(STRAIGHT, 0.5, up=(1, 0, 0), flatten=0.5, num_around=24), np.pi * 0.125 * 3 * SECTOR),
    "prism": (prism(SQUARE, 2, 4), 8),
    "cup": (cup(np.full(5, 1.0), np.linspace(0, 2, 5), 0.1, 24), np.pi * (2 - 0.81 * 1.9) * SECTOR),
    "double cone": (lathe(np.array([0, 1.0, 0]), np.array([0, 1.0, 2]), 24), 2 / 3 * np.pi * SECTOR),
}
DEFORMED = {
    "tapered": (box(2, 2, 3).taper(0.5), 3 / 3 * (4 + 1 + 2)),  # a frustum of a pyramid
    "bent": (cylinder(0.5, 2).bend(0.3), np.pi * 0.5 * SECTOR),  # shear keeps the volume
    "twisted": (box(1, 1, 3, 30).twist(1.0), 3),
    "turned": (box(1, 2, 3).turn(axis_rotation("x", 1)).move(5, 0, 0).scale(1, 2, 1), 12),
}


@pytest.mark.parametrize("name", [*SHAPES, *DEFORMED])
def test_primitive_is_closed_and_has_the_volume_of_its_formula(name):
    part, volume = {**SHAPES, **DEFORMED}[name]
    mesh = trimesh.Trimesh(part.vertices, part.faces, process=False)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(volume, rel=0.01)
    assert mesh.area_faces.min() > 0


@pytest.mark.parametrize("name", SHAPES)
def test_texture_is_inside_the_region_and_not_mirrored(name):
    part, _ = SHAPES[name]
    assert part.uv.shape == (len(part.faces), 3, 2)
    assert part.uv.min() >= 0
    assert part.uv.max() <= 1
    (a, b, c) = np.moveaxis(part.uv, 1, 0)
    handedness = np.cross(np.c_[b - a, 0 * a[:, 0]], np.c_[c - a, 0 * a[:, 0]])[:, 2]
    assert handedness.min() > -1e-12
    assert (handedness > 1e-12).mean() > 0.15  # the walls of a prism are seen from the side


def test_box_shows_six_different_cells():
    part = box(1, 2, 3)
    normals = trimesh.Trimesh(part.vertices, part.faces, process=False).face_normals.round().astype(int)
    cells = {}
    for normal in np.unique(normals, axis=0):
        uv = part.uv[(normals == normal).all(1)].reshape(-1, 2)
        cells[tuple(normal)] = set(map(tuple, np.floor(uv * [3, 2]).astype(int).tolist()))
    assert all(len(cell) == 1 for cell in cells.values())
    assert len(set.union(*cells.values())) == 6


def test_prism_shows_its_top_above_and_its_bottom_below():
    part = prism(SQUARE, 2)
    height = part.vertices[part.faces][..., 2]
    assert (part.uv[(height > 0).all(1)][..., 1] >= 0.5).all()
    assert (part.uv[(height < 0).all(1)][..., 1] <= 0.5).all()
