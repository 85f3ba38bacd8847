"""Small mesh files whose every colour is known, the colour of an object at a point, and the form of a refusal."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import ArrayLike
from PIL import Image

from smcrep.worlds.objects.meshes import load_mesh
from smcrep.worlds.objects.model import ObjectModel

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)

# A tetrahedron with corners at the origin and one along each axis, outward.
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3.0]]) / 10
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])

PYRAMID = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0.5, 0.5, 1)]
TRIANGLES = [(0, 2, 1), (0, 3, 2), (0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)]
MIXED = [(3, 2, 1, 0), (0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)]


def write_obj(folder: Path, texture: bool = True, material: str = "map_Kd tex.png", name: str = "thing.obj") -> Path:
    """A square [0.1] in the plane x = 0 facing +x, y to the right and z up as seen, with the whole texture."""
    folder.mkdir(parents=True, exist_ok=True)
    if texture:
        picture = np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8)  # red at the top left
        Image.fromarray(np.kron(picture, np.ones((8, 8, 1), np.uint8))).save(folder / "tex.png")
    (folder / "thing.mtl").write_text(f"newmtl m\nKd 1 1 1\n{material}\n")
    (folder / name).write_text(
        "mtllib thing.mtl\nusemtl m\nv 0 0 0\nv 0 .1 0\nv 0 .1 .1\nv 0 0 .1\n"
        "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3 4/4\n"
    )
    return folder / name


def write_off(path: Path, vertices: ArrayLike = CORNERS, faces: Any = FACES) -> Path:
    vertices = np.asarray(vertices)
    rows = [" ".join(map(str, v)) for v in vertices] + [" ".join(map(str, [len(f), *f])) for f in faces]
    path.write_text("\n".join(["OFF", f"{len(vertices)} {len(faces)} 0", *rows]) + "\n")
    return path


def colour_at(thing: ObjectModel, point: ArrayLike) -> tuple[int, ...]:
    """The texel at the point of the surface nearest to ``point`` (object frame)."""
    mesh = trimesh.Trimesh(thing.vertices, thing.faces, process=False)
    triangles = mesh.triangles
    nearest = trimesh.triangles.closest_point(triangles, np.tile(np.asarray(point, float), (len(triangles), 1)))
    face = np.linalg.norm(nearest - np.asarray(point), axis=1).argmin()
    weights = trimesh.triangles.points_to_barycentric(triangles[[face]], nearest[[face]])[0]
    u, v = weights @ thing.uv[face]
    height, width = thing.texture.shape[:2]
    row, column = min(int((1 - v) * height), height - 1), min(int(u * width), width - 1)
    return tuple(thing.texture[row, column].tolist())


def refused(path: Path, words: str, **options: Any) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        load_mesh(path, **options)
    message = str(caught.value)
    assert message.startswith(f"load_mesh: {path} ")
    assert len(message.splitlines()) == 1
    assert ";" in message


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def ply(kind: str, faces: list[tuple[int, ...]], second_list: bool = False, num_vertices: int = 5) -> bytes:
    header = f"ply\nformat {kind} 1.0\ncomment made by hand\nelement vertex {num_vertices}\n"
    header += "".join(f"property float {axis}\n" for axis in "xyz") + f"element face {len(faces)}\n"
    header += (
        "property list uchar int vertex_indices\n" + "property list uchar float w\n" * second_list + "end_header\n"
    )
    if kind == "ascii":
        rows = [" ".join(map(str, v)) for v in PYRAMID]
        rows += [" ".join(map(str, [len(f), *f])) + " 2 .5 .5" * second_list for f in faces]
        return (header + "\n".join(rows) + "\n").encode()
    order = ">" if "big" in kind else "<"
    body = b"".join(struct.pack(order + "3f", *v) for v in PYRAMID)
    for f in faces:
        body += struct.pack(f"{order}B{len(f)}i", len(f), *f) + struct.pack(order + "B2f", 2, 0.5, 0.5) * second_list
    return header.encode() + body


def square_corners(thing: ObjectModel) -> list[tuple[int, ...]]:
    """Colours of the square of `write_obj` as one sees it: upper left, upper right, lower left, lower right."""
    return [colour_at(thing, [0, y, z]) for z in (0.04, -0.04) for y in (-0.04, 0.04)]
