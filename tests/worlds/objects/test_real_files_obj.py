"""OBJ and MTL files as programs write them show what they declare, or are refused by the name of what is not shown."""

import codecs
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from smcrep.worlds.objects.meshes import load_folder, load_mesh
from tests.worlds.mesh_files import BLUE, GREEN, RED, WHITE, colour_at, refused, square_corners, write_obj, written

SQUARE = "v 0 0 0\nv 0 .1 0\nv 0 .1 .1\nv 0 0 .1\n"
UV = "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
TEXTURED = "mtllib thing.mtl\nusemtl m\n" + SQUARE + UV + "f 1/1 2/2 3/3 4/4\n"
QUARTERS = [RED, GREEN, BLUE, WHITE]
GREY = (160, 160, 160)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With tex.png, red, green, blue and white, and a material that shows it."""
    write_obj(tmp_path)
    return tmp_path


def corners_of(folder: Path, text: str | bytes, mtl: str | bytes | None = None) -> list[tuple[int, ...]]:
    if mtl is not None:
        written(folder / "thing.mtl", mtl)
    return square_corners(load_mesh(written(folder / "thing.obj", text)))


def solid(path: Path) -> trimesh.Trimesh:
    thing = load_mesh(path)
    return trimesh.Trimesh(thing.vertices, thing.faces)


# ---- indices and polygons


def box_lines(low: float, side: float, index: str) -> str:
    corners = [(low + side * (i >> 2 & 1), side * (i >> 1 & 1), side * (i & 1)) for i in range(8)]
    faces = [(1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4)]
    lines = [f"v {corner[0]:g} {corner[1]:g} {corner[2]:g}" for corner in corners]
    return (
        "\n".join(lines + ["f " + " ".join(str(i - 9 if index == "-" else i) for i in face) for face in faces]) + "\n"
    )


@pytest.mark.situation("negative and zero indices of OBJ")
def test_negative_indices_count_back_from_their_own_line(tmp_path: Path) -> None:
    path = written(tmp_path / "a.obj", box_lines(0, 0.1, "-") + box_lines(0.3, 0.2, "-"))
    assert solid(path).volume == pytest.approx(0.1**3 + 0.2**3, rel=1e-5)
    np.testing.assert_allclose(solid(path).extents, [0.5, 0.2, 0.2], rtol=1e-5)


@pytest.mark.situation("negative and zero indices of OBJ")
@pytest.mark.parametrize(
    ("faces", "words"),
    [
        ("f 1 2 0\n", "names vertex 0 in line 5, and counts from 1"),
        ("f 1 2 -5\n", "names vertex -5 in line 5, and has 4 before it"),
        ("f 1 2 3\nf 1 2 7\n", "names vertex 7 of 4 in line 6"),
        ("vt 0 0\nf 1/1 2/1 3/9\n", "names texture coordinate 9 of 1 in line 6"),
        ("f 1 two 3\n", r"has line 5, 'f 1 two 3', which is not of numbers"),
        ("surf 0 1 0 1 1 2 3\nf 1 2 3\n", r"a free-form curve or surface \(line 5\), which is not read; export"),
        ("usemtl gone\nf 1 2 3\n", "uses the material 'gone', but it names no material file"),
    ],
)
def test_wrong_indices_and_free_forms_are_named_by_their_line(tmp_path: Path, faces: str, words: str) -> None:
    refused(written(tmp_path / "a.obj", SQUARE + faces), words)


PROFILES = {
    "bracket": ([(5, 0), (5, 1), (1, 1), (1, 5), (0, 5), (0, 0)], 9),
    "arrow": ([(0, 0), (4, -3), (0, 6), (-4, -3)], 24),
    "comb": ([(0, 0), (9, 0), (9, 4), (8, 4), (8, 1), (6, 1), (6, 4), (5, 4), (5, 1), (1, 1), (1, 4), (0, 4)], 18),
    "collinear": ([(0, 0), (1, 0), (2, 0), (2, 1), (1, 0.5), (0, 1), (0, 0.5)], 1.5),
}


@pytest.mark.situation("concave polygons")
@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("suffix", ["obj", "off", "ply"])
@pytest.mark.parametrize("turned", [0, 2])
def test_concave_prism_has_the_area_and_volume_of_its_profile(
    tmp_path: Path, name: str, suffix: str, turned: int
) -> None:
    profile, area = PROFILES[name]
    profile = profile[turned:] + profile[:turned]
    n = len(profile)
    sides = [(i, (i + 1) % n, (i + 1) % n + n, i + n) for i in range(n)]
    faces = [tuple(reversed(range(n))), tuple(range(n, 2 * n)), *sides]
    vertices = [(x / 100, y / 100, z / 100) for z in (0, 1) for x, y in profile]
    rim = sum(np.hypot(*np.subtract(profile[i], profile[i - 1])) for i in range(n))
    body = solid(write_polygons(tmp_path / f"a.{suffix}", vertices, faces))
    assert body.area * 1e4 == pytest.approx(2 * area + rim, rel=1e-4)
    assert body.volume * 1e6 == pytest.approx(area, rel=1e-4)
    assert body.is_watertight


def write_polygons(path: Path, vertices: list[tuple], faces: list[tuple]) -> Path:
    rows = [" ".join(map(str, v)) for v in vertices]
    counted = [" ".join(map(str, [len(f), *f])) for f in faces]
    if path.suffix == ".obj":
        lines = ["v " + row for row in rows] + ["f " + " ".join(str(i + 1) for i in f) for f in faces]
    elif path.suffix == ".off":
        lines = ["OFF", f"{len(rows)} {len(faces)} 0", *rows, *counted]
    else:
        lines = ["ply", "format ascii 1.0", f"element vertex {len(rows)}", *(f"property float {a}" for a in "xyz")]
        lines += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header", *rows, *counted]
    return written(path, "\n".join(lines) + "\n")


@pytest.mark.situation("concave polygons")
@pytest.mark.parametrize("suffix", ["obj", "off", "ply"])
def test_polygon_that_crosses_itself_is_refused(tmp_path: Path, suffix: str) -> None:
    corners = [(0, 0, 0), (0.1, 0.1, 0), (0.1, 0, 0), (0, 0.1, 0)]
    path = write_polygons(tmp_path / f"a.{suffix}", corners, [(0, 1, 2, 3)])
    refused(path, r"a polygon that crosses itself \(number 1\); triangulate it")


def test_quads_that_lie_in_no_plane_are_read(tmp_path: Path) -> None:
    heights = np.random.default_rng(0).uniform(0, 0.3, (20, 20))
    vertices = [(i / 10, j / 10, heights[i, j]) for i in range(20) for j in range(20)]
    faces = [(20 * i + j, 20 * i + j + 20, 20 * i + j + 21, 20 * i + j + 1) for i in range(19) for j in range(19)]
    thing = load_mesh(write_polygons(tmp_path / "a.obj", vertices, faces))
    assert len(thing.faces) == 2 * 19 * 19
    assert np.ptp(thing.vertices[:, 2]) > 0.29


# ---- text


@pytest.mark.situation("encodings, tabs, line ends and comments")
@pytest.mark.parametrize(
    "text",
    [
        TEXTURED.replace(" ", "\t"),
        TEXTURED.replace("\n", "\n  "),
        TEXTURED.replace("\n", "\r"),
        TEXTURED.replace("\n", "\r\n"),
        TEXTURED.replace("f 1/1", "F 1/1").replace("v 0", "V 0"),
        TEXTURED.replace("4/4", "4/4 # a quad").replace("vt 1 1", "vt 1 1 # upper right"),
        TEXTURED.replace("2/2 3/3", "2/2 \\\n 3/3"),
        SQUARE.join(TEXTURED.split(SQUARE)) + SQUARE.replace("v", "vn"),
        TEXTURED.replace(SQUARE, "") + SQUARE,
        TEXTURED.replace(".1", "1.0E-01").replace("v 0 0 0", "v +0.0 -0 0"),
        TEXTURED.replace("1/1 2/2 3/3 4/4", "1/1/1 2/2/1 3/3/1 4/4/1") + "vn 1 0 0\n",
        codecs.BOM_UTF8 + TEXTURED.encode(),
        TEXTURED.encode("utf-16"),
        ("# größe\n" + TEXTURED).encode("latin-1"),
    ],
    ids=[
        *("tabs", "indented", "CR", "CRLF", "upper", "comments", "continued", "normals", "forward", "exponents"),
        *("v/vt/vn", "UTF-8", "UTF-16", "Latin-1"),
    ],
)
def test_every_spelling_of_a_file_reads_alike(folder: Path, text: str | bytes) -> None:
    assert corners_of(folder, text) == QUARTERS


@pytest.mark.situation("encodings, tabs, line ends and comments")
@pytest.mark.parametrize(
    "mtl",
    [
        codecs.BOM_UTF8 + b"newmtl m\nmap_Kd tex.png\n",
        b"newmtl m\rKd 1 1 1\rmap_Kd tex.png",
        b"\tnewmtl\tm\n\tmap_Kd\ttex.png # of the scanner\n",
        "# größe\nnewmtl m\nmap_Kd tex.png\n".encode("latin-1"),
        "newmtl m\nmap_Kd tex.png\n".encode("utf-16"),
    ],
    ids=["UTF-8 mark", "CR", "tabs and comment", "Latin-1", "UTF-16"],
)
def test_every_spelling_of_a_material_file_reads_alike(folder: Path, mtl: bytes) -> None:
    assert corners_of(folder, TEXTURED, mtl) == QUARTERS


# ---- where textures lie


@pytest.mark.situation("paths of textures")
@pytest.mark.parametrize(
    ("named", "lies"),
    [
        (r"maps\tex.png", "maps/tex.png"),
        (r"maps\\tex.png", "maps/tex.png"),
        (r".\maps\tex.png", "maps/tex.png"),
        ("maps/TEX.PNG", "Maps/tex.png"),
        ('"my tex.png"', "my tex.png"),
        ("my tex.png", "my tex.png"),
        ("my%20tex.png", "my tex.png"),
        ("färbung.png", "färbung.png"),
        ("-s 1 1 1 -mm 0 1 my tex.png", "my tex.png"),
        ("a#1.png", "a#1.png"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_texture_is_found_however_it_is_spelt(folder: Path, named: str, lies: str, encoding: str) -> None:
    (folder / lies).parent.mkdir(exist_ok=True)
    (folder / "tex.png").rename(folder / lies)
    assert corners_of(folder, TEXTURED, f"newmtl m\nmap_Kd {named}\n".encode(encoding)) == QUARTERS


@pytest.mark.situation("paths of textures")
@pytest.mark.parametrize("named", ["/home/someone/tex.png", r"C:\Users\someone\tex.png", r"\\server\tex.png"])
def test_absolute_path_is_refused_with_the_remedy(folder: Path, named: str) -> None:
    written(folder / "thing.mtl", f"newmtl m\nmap_Kd {named}\n")
    refused(folder / "thing.obj", "outside of its folder; copy it beside the mesh and name that, without a path")


@pytest.mark.situation("paths of textures")
def test_image_beside_the_folder_of_a_mesh_is_read_below_the_root_that_is_given(folder: Path) -> None:
    models = folder / "1a04" / "models"
    write_obj(models, texture=False, material="map_Kd ../images/tex.png", name="model_normalized.obj")
    (folder / "1a04/images").mkdir()
    (folder / "tex.png").rename(folder / "1a04/images/tex.png")
    path = models / "model_normalized.obj"
    refused(path, "outside of its folder; copy it beside the mesh and name that, or load the folder that holds both")
    assert square_corners(load_mesh(path, root=folder / "1a04")) == QUARTERS
    (thing,), problems = load_folder(folder / "1a04")
    assert (square_corners(thing), problems) == (QUARTERS, [])
    with pytest.raises(ValueError, match="outside of its folder"):
        load_mesh(path, root=models)


def test_image_of_a_material_that_no_face_has_may_be_missing(folder: Path) -> None:
    mtl = "newmtl n\nmap_Kd gone.png\nnewmtl m\nmap_Kd tex.png\nbump gone_too.png\nmap_Ks nor_this.png\n"
    assert corners_of(folder, TEXTURED, mtl) == QUARTERS


# ---- which colour


KD = "newmtl m\nKd .2 .4 .6\n"


@pytest.mark.situation("no colour declared")
@pytest.mark.parametrize(
    ("material", "colour"),
    [
        ("Kd 0.5 0.25 1.0", (128, 64, 255)),
        ("Kd 128 64 255", (128, 64, 255)),
        ("Kd 0.5", (128, 128, 128)),
        ("Kd 0 0 0", (0, 0, 0)),
        ("Kd 1 0 0 # red", (255, 0, 0)),
        ("Ns 10", GREY),
        ("", GREY),
    ],
)
def test_colour_of_a_material(folder: Path, material: str, colour: tuple[int, ...]) -> None:
    assert set(corners_of(folder, TEXTURED, f"newmtl m\n{material}\n")) == {colour}


@pytest.mark.situation("no colour declared")
@pytest.mark.parametrize("uv", [False, True])
def test_what_declares_no_colour_is_one_grey(folder: Path, uv: bool) -> None:
    text = SQUARE + (UV + "f 1/1 2/2 3/3 4/4\n" if uv else "f 1 2 3 4\n")
    assert set(corners_of(folder, text)) == {GREY}
    assert set(corners_of(folder, text.replace("f 1", "usemtl None\nf 1"))) == {GREY}


@pytest.mark.situation("faces without usemtl")
def test_only_material_is_that_of_faces_without_usemtl(folder: Path) -> None:
    text = TEXTURED.replace("usemtl m\n", "")
    assert corners_of(folder, text) == QUARTERS
    written(folder / "thing.mtl", KD + "newmtl n\nKd 1 1 1\n")
    refused(folder / "thing.obj", "has faces before any usemtl and 2 materials to choose from; add a line usemtl")


@pytest.mark.situation("several materials files, absent material")
def test_material_that_is_nowhere_is_refused(folder: Path) -> None:
    written(folder / "thing.obj", TEXTURED.replace("usemtl m", "usemtl M"))
    refused(folder / "thing.obj", "uses the material 'M', but none of its 1 materials is called so; mend usemtl")


@pytest.mark.situation("several materials files, absent material")
@pytest.mark.parametrize("lines", ["mtllib a.mtl\nmtllib b c.mtl\n", "mtllib b c.mtl\nmtllib a.mtl\n"])
def test_materials_of_several_files_are_known(folder: Path, lines: str) -> None:
    written(folder / "a.mtl", "newmtl one\nKd 1 0 0\n")
    written(folder / "b c.mtl", "newmtl two\nKd 0 0 1\n")
    text = lines + SQUARE + "usemtl one\nf 1 2 3\nusemtl two\nf 1 3 4\n"
    assert corners_of(folder, text)[1:3] == [BLUE, RED] or corners_of(folder, text)[0] == BLUE
    thing = load_mesh(folder / "thing.obj")
    assert colour_at(thing, [0, 0.04, -0.04]) == RED
    assert colour_at(thing, [0, -0.04, 0.04]) == BLUE
    written(folder / "b.mtl", "newmtl two\nKd 0 0 1\n")
    text = text.replace(lines, "mtllib a.mtl b.mtl\n")
    assert colour_at(load_mesh(written(folder / "thing.obj", text)), [0, -0.04, 0.04]) == BLUE


COLOURED = SQUARE.replace("\n", " 1 0 0\n")


@pytest.mark.situation("vertex colours of OBJ beside a material")
@pytest.mark.parametrize("faces", ["f 1 2 3 4\n", UV + "f 1/1 2/2 3/3 4/4\n"])
@pytest.mark.parametrize("material", ["", "mtllib thing.mtl\nusemtl m\n", "usemtl unknown\n"])
def test_vertex_colours_are_shown_with_and_without_material_or_uv(folder: Path, faces: str, material: str) -> None:
    assert set(corners_of(folder, material + COLOURED + faces, "newmtl m\nKd 1 1 1\n")) == {RED}
    byte = COLOURED.replace(" 1 0 0\n", " 200 100 50\n")
    assert set(corners_of(folder, material + byte + faces)) == {(200, 100, 50)}
    assert set(corners_of(folder, material + COLOURED.replace(" 1 0 0\n", " 1 0 0 1\n") + faces)) == {RED}


@pytest.mark.situation("vertex colours of OBJ beside a material")
def test_image_is_shown_and_vertex_colours_beside_it_are_noted(folder: Path) -> None:
    notes: list[str] = []
    path = written(folder / "thing.obj", TEXTURED.replace(SQUARE, COLOURED))
    assert square_corners(load_mesh(path, notes=notes)) == QUARTERS
    assert notes == [f"{path} has vertex colours beside an image; the image is shown"]


@pytest.mark.situation("vertex colours of OBJ beside a material")
@pytest.mark.parametrize(
    ("vertices", "words"),
    [
        (COLOURED.replace(" 1 0 0\n", "\n", 1), "has colours at 3 of 4 vertices"),
        (COLOURED.replace(" 1 0 0\n", " -1 0 0\n"), "colours of vertices that are negative"),
        (COLOURED.replace(" 1 0 0\n", " 900 0 0\n"), "colours of vertices up to 900, of unknown range"),
        (SQUARE.replace("\n", " 2\n"), "has 4 vertices with a weight other than 1"),
    ],
)
def test_unclear_vertex_colours_are_refused(tmp_path: Path, vertices: str, words: str) -> None:
    refused(written(tmp_path / "a.obj", vertices + "f 1 2 3 4\n"), words)


@pytest.mark.situation("faces without texture coordinates beside others")
def test_faces_without_texture_coordinates_show_the_colour_and_are_counted(folder: Path) -> None:
    text = TEXTURED.replace("f 1/1 2/2 3/3 4/4", "f 1/1 2/2 3/3\nf 1 3/3 4")
    notes: list[str] = []
    written(folder / "thing.mtl", KD + "map_Kd tex.png\n")
    thing = load_mesh(written(folder / "thing.obj", text), notes=notes)
    assert colour_at(thing, [0, 0.04, -0.04]) == WHITE
    assert colour_at(thing, [0, -0.04, 0.04]) == (51, 102, 153)
    assert notes == [
        f"{folder / 'thing.obj'} has 1 faces without texture coordinates, which show the colour of their material"
    ]
    written(folder / "thing.obj", TEXTURED.replace("1/1 2/2 3/3 4/4", "1 2 3 4"))
    refused(folder / "thing.obj", r"a texture image but no texture coordinates \(material 'm'\); export it with UV")


@pytest.mark.situation("options of maps of MTL")
@pytest.mark.parametrize(
    ("material", "words"),
    [
        ("Kd spectral a.rfl", "a colour given as spectral .line 2 of thing.mtl."),
        ("Kd 1 2", "a colour '1 2' .line 2 of thing.mtl.; give Kd r g b"),
        ("Ke 0 1 0", "the material 'm', which emits light"),
        ("map_Ka tex.png", "an image as map_Ka of the material 'm' alone; name it as map_Kd"),
        ("map_Kd -t 1 1 1 tex.png", "the texture option -t .line 2 of thing.mtl., which is not shown"),
        ("map_Kd -mm .2 2 tex.png", "the texture option -mm"),
        ("map_Kd -imfchan r tex.png", "the texture option -imfchan"),
    ],
)
def test_what_a_material_declares_and_is_not_shown_is_refused(folder: Path, material: str, words: str) -> None:
    written(folder / "thing.mtl", f"newmtl m\n{material}\n")
    refused(folder / "thing.obj", words)


# ---- how the texture is placed


def colours_along(folder: Path, options: str, uv: str = UV) -> list[tuple[int, ...]]:
    """Of 8 points along the upper edge of the square."""
    written(folder / "thing.mtl", f"newmtl m\nmap_Kd {options} tex.png\n")
    thing = load_mesh(written(folder / "thing.obj", TEXTURED.replace(UV, uv)))
    return [colour_at(thing, [0, -0.05 + (i + 0.5) / 80, 0.0499]) for i in range(8)]


R, G = RED, GREEN


@pytest.mark.situation("options of maps of MTL")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", [R, R, R, R, G, G, G, G]),
        ("-s 2 2 1", [R, R, G, G, R, R, G, G]),
        ("-s 2", [R, R, G, G, R, R, G, G]),
        ("-s 2 1 -o 0.5", [G, G, R, R, G, G, R, R]),
        ("-o 0.25 0 0", [R, R, G, G, G, G, R, R]),
        ("-s .5 1", [R, R, R, R, R, R, R, R]),
        ("-s 4 -clamp on", [R, G, G, G, G, G, G, G]),
        ("-o -.5 0 -clamp on", [R, R, R, R, R, R, R, R]),
        ("-blendu on -bm 1 -texres 512 -mm 0 1 -cc off -type sphere", [R, R, R, R, G, G, G, G]),
    ],
)
def test_texture_options_place_the_image(folder: Path, options: str, expected: list[tuple[int, ...]]) -> None:
    assert colours_along(folder, options) == expected


@pytest.mark.situation("holes by alpha of MTL")
def test_holes_of_an_image_that_a_surface_shows_are_refused_and_others_are_not(folder: Path) -> None:
    picture = np.array(Image.open(folder / "tex.png").convert("RGBA"))
    picture[:8, :8] = 0  # red, at the upper left
    Image.fromarray(picture).save(folder / "tex.png")
    refused(folder / "thing.obj", "a transparent image on 2[45]% of a surface, .*; cut the holes into the mesh")
    away = UV.replace("vt 0", "vt 0.5")
    assert set(corners_of(folder, TEXTURED.replace(UV, away))) == {GREEN, WHITE}
