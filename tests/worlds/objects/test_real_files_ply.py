"""PLY, OFF and STL files as programs write them: colours in every type, textures, strips, odd headers."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from smcrep.worlds.objects.meshes import load_mesh
from tests.worlds.glb_files import quarters
from tests.worlds.mesh_files import BLUE, CORNERS, FACES, GREEN, RED, WHITE, colour_at, refused, square_corners, written

QUARTERS = [RED, GREEN, BLUE, WHITE]
SQUARE = [(0, 0, 0), (0, 0.1, 0), (0, 0.1, 0.1), (0, 0, 0.1)]
UV = [(0, 0), (1, 0), (1, 1), (0, 1)]
ORANGE = (255, 128, 0)
GREY = (160, 160, 160)
STRUCT = {"uchar": "B", "ushort": "H", "short": "h", "int": "i", "uint": "I", "float": "f", "double": "d"}
STRUCT |= {"char": "b", "int8": "b", "uint8": "B", "int64": "q", "uint64": "Q", "uint32": "I", "int32": "i"}


def ply(
    elements: dict[str, tuple[Sequence[str], Sequence[Sequence[Any]]]],
    kind: str = "ascii",
    comments: Sequence[str] = (),
    newline: str = "\n",
) -> bytes:
    """Elements as (properties, rows); a value of a list property is a tuple."""
    header = ["ply", f"format {kind} 1.0", *comments]
    body, order = b"", ">" if "big" in kind else "<"
    for name, (properties, rows) in elements.items():
        header += [f"element {name} {len(rows)}", *(f"property {p}" for p in properties)]
        for row in rows:
            words: list[str] = []
            for words_of, value in zip(properties, row, strict=True):
                kinds = words_of.split()[:-1]
                values = value if isinstance(value, tuple) else (value,)
                if kinds[0] == "list":
                    body += struct.pack(order + STRUCT[kinds[1]], len(values)) if kind != "ascii" else b""
                    words.append(str(len(values)))
                words += [str(v) for v in values]
                body += struct.pack(f"{order}{len(values)}{STRUCT[kinds[-1]]}", *values) if kind != "ascii" else b""
            body += (" ".join(words) + newline).encode() if kind == "ascii" else b""
    return (newline.join([*header, "end_header"]) + newline).encode("latin-1") + body


XYZ = ["float x", "float y", "float z"]
FACE = (["list uchar int vertex_indices"], [[(0, 1, 2, 3)]])
KINDS = ["ascii", "binary_little_endian", "binary_big_endian"]


def corners_of(folder: Path, content: bytes) -> list[tuple[int, ...]]:
    return square_corners(load_mesh(written(folder / "a.ply", content)))


# ---- colours of PLY


@pytest.mark.situation("types of colours of PLY")
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("uchar", ORANGE),
        ("ushort", (65535, 32896, 0)),
        ("ushort", ORANGE),
        ("int", ORANGE),
        ("uint", ORANGE),
        ("float", (1.0, 0.5, 0.0)),
        ("double", (1.0, 0.5, 0.0)),
        ("float", (255, 128, 0)),
        ("double", (255, 128, 0)),
    ],
)
@pytest.mark.parametrize("names", ["red green blue", "diffuse_red diffuse_green diffuse_blue"])
@pytest.mark.parametrize("where", ["vertex", "face"])
@pytest.mark.parametrize("form", KINDS)
def test_colours_of_every_type_are_shown(
    tmp_path: Path, kind: str, values: tuple, names: str, where: str, form: str
) -> None:
    coloured = [f"{kind} {name}" for name in names.split()]
    if where == "vertex":
        content = ply({"vertex": (XYZ + coloured, [[*v, *values] for v in SQUARE]), "face": FACE}, form)
    else:
        content = ply({"vertex": (XYZ, SQUARE), "face": (FACE[0] + coloured, [[FACE[1][0][0], *values]])}, form)
    assert set(corners_of(tmp_path, content)) == {ORANGE}


def test_colours_of_vertices_and_faces_that_differ_are_refused(tmp_path: Path) -> None:
    channels = ["uchar red", "uchar green", "uchar blue"]
    vertices = [[*v, 255, i, 0] for i, v in enumerate(SQUARE)]
    faces = [[(0, 1, 2), *RED], [(0, 2, 3), *BLUE]]
    both = {"vertex": (XYZ + channels, vertices), "face": (FACE[0] + channels, faces)}
    refused(written(tmp_path / "a.ply", ply(both)), "has colours of vertices and others of faces; export it with one")
    white = {"vertex": (XYZ + channels, [[*v, *WHITE] for v in SQUARE]), "face": (FACE[0] + channels, faces)}
    assert colour_at(load_mesh(written(tmp_path / "a.ply", ply(white))), [0, 0.04, -0.04]) == RED
    strange = {"vertex": ([*XYZ, "float red", "float green", "float blue"], [[*v, 900, 0, 0] for v in SQUARE])}
    refused(
        written(tmp_path / "a.ply", ply(strange | {"face": FACE})), "colours of vertices up to 900, of unknown range"
    )


@pytest.mark.situation("types of colours of PLY")
def test_colours_of_materials_are_shown(tmp_path: Path) -> None:
    material = (["uchar diffuse_red", "uchar diffuse_green", "uchar diffuse_blue"], [RED, BLUE])
    faces = (FACE[0] + ["int material_index"], [[(0, 1, 2), 0], [(0, 2, 3), 1]])
    content = ply({"vertex": (XYZ, SQUARE), "face": faces, "material": material})
    thing = load_mesh(written(tmp_path / "a.ply", content))
    assert (colour_at(thing, [0, 0.04, -0.04]), colour_at(thing, [0, -0.04, 0.04])) == (RED, BLUE)
    assert set(corners_of(tmp_path, ply({"vertex": (XYZ, SQUARE), "face": FACE, "material": material}))) == {GREY}


# ---- textures of PLY


TEXCOORD = ["list uchar int vertex_indices", "list uchar float texcoord"]
PER_FACE = (TEXCOORD, [[(0, 1, 2), (0, 0, 1, 0, 1, 1)], [(0, 2, 3), (0, 0, 1, 1, 0, 1)]])


@pytest.mark.parametrize("names", ["s t", "u v", "texture_u texture_v", "texture_s texture_t", "texcoord", "quad"])
@pytest.mark.parametrize("comment", ["comment TextureFile tex.png", "comment TEXTUREFILE tex.png"])
@pytest.mark.parametrize("form", KINDS)
def test_texture_is_shown_by_its_coordinates(tmp_path: Path, names: str, comment: str, form: str) -> None:
    quarters().save(tmp_path / "tex.png")
    vertex, face = (XYZ, SQUARE), PER_FACE
    if names == "quad":
        face = (TEXCOORD, [[(0, 1, 2, 3), (0, 0, 1, 0, 1, 1, 0, 1)]])
    elif names != "texcoord":
        vertex = (XYZ + [f"float {n}" for n in names.split()], [[*v, *t] for v, t in zip(SQUARE, UV, strict=True)])
        face = FACE
    assert corners_of(tmp_path, ply({"vertex": vertex, "face": face}, form, [comment])) == QUARTERS


@pytest.mark.parametrize("form", KINDS)
def test_each_face_shows_its_own_texture(tmp_path: Path, form: str) -> None:
    for name, colour in (("one", RED), ("two", BLUE)):
        Image.new("RGB", (4, 4), colour).save(tmp_path / f"{name}.png")
    face = ([*TEXCOORD, "int texnumber"], [[*row, i] for i, row in enumerate(PER_FACE[1])])
    comments = ["comment TextureFile one.png", "comment TextureFile two.png"]
    thing = load_mesh(written(tmp_path / "a.ply", ply({"vertex": (XYZ, SQUARE), "face": face}, form, comments)))
    assert (colour_at(thing, [0, 0.04, -0.04]), colour_at(thing, [0, -0.04, 0.04])) == (RED, BLUE)
    content = ply({"vertex": (XYZ, SQUARE), "face": PER_FACE}, form, comments)
    refused(written(tmp_path / "a.ply", content), "names 2 images and no texnumber of its faces; export it with one")
    face = (face[0], [[*row, 7] for row in PER_FACE[1]])
    content = ply({"vertex": (XYZ, SQUARE), "face": face}, form, comments)
    refused(written(tmp_path / "a.ply", content), "a face with an image that names vertex 7 of 2")


@pytest.mark.situation("header of PLY in Latin-1, missing TEXTUREFILE")
def test_missing_texture_is_named_whatever_its_case(tmp_path: Path) -> None:
    for word in ("TextureFile", "TEXTUREFILE", "texturefile"):
        content = ply({"vertex": (XYZ, SQUARE), "face": FACE}, comments=[f"comment {word} gone.png"])
        refused(written(tmp_path / "a.ply", content), "names the texture gone.png, which is missing; put it at")


# ---- elements, types and headers of PLY


@pytest.mark.situation("triangle strips of PLY")
@pytest.mark.parametrize("form", KINDS)
def test_strips_are_read_and_begin_anew_at_minus_one(tmp_path: Path, form: str) -> None:
    for strip in ((0, 1, 3, 2), (0, 1, 2, -1, 0, 2, 3), (-1, 0, 1, 3, 2, -1)):
        strips = (["list int int vertex_indices"], [[strip]])
        thing = load_mesh(written(tmp_path / "a.ply", ply({"vertex": (XYZ, SQUARE), "tristrips": strips}, form)))
        mesh = trimesh.Trimesh(thing.vertices, thing.faces)
        assert mesh.area == pytest.approx(0.01, rel=1e-5)
        assert mesh.face_normals[:, 0].min() > 0.99


@pytest.mark.situation("types of indices of PLY")
@pytest.mark.parametrize("form", KINDS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("index", ["int", "uint", "int64", "uint64", "ushort", "uchar"])
@pytest.mark.parametrize("count", ["uchar", "int"])
def test_indices_of_every_type_are_read(tmp_path: Path, form: str, newline: str, index: str, count: str) -> None:
    face = ([f"list {count} {index} vertex_index"], [[(0, 1, 2)], [(0, 2, 3)]])
    vertex = ([*XYZ, "float quality"], [[*v, 0.5] for v in SQUARE])
    edge = (["int vertex1", "int vertex2"], [[0, 1]])
    content = ply({"vertex": vertex, "face": face, "edge": edge}, form, ["obj_info by hand"], newline)
    for end in (b"", b"\n"):
        assert set(corners_of(tmp_path, content + end)) == {GREY}


@pytest.mark.situation("header of PLY in Latin-1, missing TEXTUREFILE")
@pytest.mark.parametrize("form", KINDS)
def test_comment_in_latin_1_is_passed_over(tmp_path: Path, form: str) -> None:
    assert set(corners_of(tmp_path, ply({"vertex": (XYZ, SQUARE), "face": FACE}, form, ["comment größe"]))) == {GREY}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            ply({"vertex": (XYZ, SQUARE), "range_grid": (["list uchar int vertex_indices"], [[(0,)]])}),
            "is a range grid",
        ),
        (ply({"vertex": (XYZ[:2], [v[:2] for v in SQUARE]), "face": FACE}), "has no vertices of x, y and z"),
        (ply({"vertex": (XYZ, SQUARE), "face": FACE}).replace(b"ascii", b"zip"), "has the PLY format 'zip'; export it"),
        (ply({"vertex": (XYZ, SQUARE), "face": (FACE[0], [[(0, 1, 9)]])}), "a face that names vertex 9 of 4"),
        (
            ply({"vertex": (XYZ, SQUARE), "face": FACE}).replace(b"0.1 0\n", b"0,1 0\n"),
            "has vertex 1, .*not as declared",
        ),
    ],
)
def test_what_is_no_surface_is_refused_by_name(tmp_path: Path, content: bytes, words: str) -> None:
    refused(written(tmp_path / "a.ply", content), words)


# ---- OFF


def off(keyword: str, vertices: Sequence[Sequence[Any]], faces: Sequence[str]) -> str:
    rows = [" ".join(map(str, v)) for v in vertices]
    return "\n".join([keyword, f"{len(rows)} {len(faces)} 0", *rows, *faces]) + "\n"


@pytest.mark.situation("colours of OFF and STL")
@pytest.mark.parametrize("text", ["255 128 0", "255 128 0 255", "1.0 0.5 0.0", "1.0 .5 0 1."])
@pytest.mark.parametrize("where", ["vertex", "face", "normals", "unannounced"])
def test_colours_of_off_are_shown(tmp_path: Path, text: str, where: str) -> None:
    colour = text.split()
    if where == "face":
        content = off("OFF", SQUARE, [f"3 0 1 2 {text}", f"3 0 2 3 {text}"])
    else:
        keyword = {"vertex": "COFF", "normals": "CNOFF", "unannounced": "OFF"}[where]
        normal = [1, 0, 0] if where == "normals" else []
        content = off(keyword, [[*v, *normal, *colour] for v in SQUARE], ["4 0 1 2 3"])
    assert set(square_corners(load_mesh(written(tmp_path / "a.off", content)))) == {ORANGE}


def test_face_colours_of_off_stay_with_their_faces_and_others_are_grey(tmp_path: Path) -> None:
    content = off("OFF", SQUARE, ["3 0 1 2 255 0 0", "3 0 2 3"])
    thing = load_mesh(written(tmp_path / "a.off", content))
    assert (colour_at(thing, [0, 0.04, -0.04]), colour_at(thing, [0, -0.04, 0.04])) == (RED, GREY)
    content = off("OFF", SQUARE, ["4 0 1 2 3 7"])
    refused(written(tmp_path / "a.off", content), "faces with an index of a colour map; write their colours as r g b")
    refused(written(tmp_path / "a.off", content.replace("OFF", "4OFF")), "an OFF of more than three dimensions")
    mixed = [[*SQUARE[0], 1, 0, 0], *SQUARE[1:]]
    refused(written(tmp_path / "a.off", off("COFF", mixed, ["4 0 1 2 3"])), "has vertex 1, .* of another length")


@pytest.mark.parametrize("newline", ["\r", "\r\n", "\n\n"])
def test_off_of_any_line_end_is_read(tmp_path: Path, newline: str) -> None:
    content = off("OFF", SQUARE, ["4 0 1 2 3 # a quad"]).replace("\n", newline).replace(" ", "\t")
    assert set(square_corners(load_mesh(written(tmp_path / "a.off", content)))) == {GREY}


# ---- STL


def binary_stl(colours: Sequence[int], header: bytes = b"") -> bytes:
    rows = b"".join(
        struct.pack("<12fH", 0, 0, 0, *CORNERS[face].ravel(), colour)
        for face, colour in zip(FACES, colours, strict=True)
    )
    return header.ljust(80, b"\0") + struct.pack("<I", len(FACES)) + rows


@pytest.mark.situation("colours of OFF and STL")
def test_face_colours_of_both_kinds_of_stl(tmp_path: Path) -> None:
    centres = [CORNERS[face].mean(0) - (CORNERS.min(0) + CORNERS.max(0)) / 2 for face in FACES]

    def seen(content: bytes) -> list[tuple[int, ...]]:
        thing = load_mesh(written(tmp_path / "a.stl", content))
        return [colour_at(thing, centre) for centre in centres]

    low, high = 31, 31 << 10
    assert seen(binary_stl([low | 1 << 15, high | 1 << 15, 0, 0])) == [BLUE, RED, GREY, GREY]
    materialise = b"COLOR=" + bytes([0, 255, 0, 255])
    assert seen(binary_stl([low, high, 1 << 15, 1 << 15], materialise)) == [RED, BLUE, GREEN, GREEN]
    assert seen(binary_stl([0, 0, 0, 0])) == [GREY] * 4
    assert seen(binary_stl([0, 0, 0, 0], b"solid as some programs write it")) == [GREY] * 4


def test_text_stl_of_several_solids_is_one_body(tmp_path: Path) -> None:
    text = trimesh.Trimesh(CORNERS, FACES).export(file_type="stl_ascii")
    assert isinstance(text, str)
    other = trimesh.Trimesh(CORNERS + 1, FACES).export(file_type="stl_ascii")
    assert len(load_mesh(written(tmp_path / "a.stl", text.upper().replace("E", "E") + other)).faces) == 8
    refused(written(tmp_path / "a.stl", text.replace("vertex", "vertex x", 1)), "has line 4, .* not of three numbers")
    path = written(tmp_path / "a.stl", text.replace("endloop", "vertex 0 0 0\nendloop", 1))
    refused(path, "a facet that is not of three corners")


# ---- closed forms


@pytest.mark.situation("area and volume against formulas")
@pytest.mark.parametrize("suffix", ["obj", "off", "ply", "stl", "glb"])
def test_area_and_volume_of_solids_agree_with_their_formulas(tmp_path: Path, suffix: str) -> None:
    solids = {
        "box": (trimesh.creation.box((0.1, 0.2, 0.3)), 0.22, 0.006),
        "ball": (trimesh.creation.icosphere(5, 0.1), 4 * np.pi * 0.01, 4 / 3 * np.pi * 1e-3),
        "ring": (trimesh.creation.torus(0.1, 0.03, 96, 96), 4 * np.pi**2 * 0.003, 2 * np.pi**2 * 0.1 * 0.0009),
    }
    for name, (mesh, area, volume) in solids.items():
        mesh.export(tmp_path / f"{name}.{suffix}")
        thing = load_mesh(tmp_path / f"{name}.{suffix}")
        found = trimesh.Trimesh(thing.vertices, thing.faces)
        assert found.area == pytest.approx(area, rel=3e-3), name
        assert found.volume == pytest.approx(volume, rel=3e-3), name
