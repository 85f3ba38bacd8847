import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import ArrayLike
from PIL import Image

from smcrep.worlds.meshes import load_folder, load_mesh

DATA = Path(os.environ.get("SMCREP_DATA", Path.home() / ".cache/smcrep/data"))
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)

# A tetrahedron with corners at the origin and one along each axis, outward.
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3.0]]) / 10
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


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


def colour_at(thing, point):
    """The texel at the point of the surface nearest to ``point`` (object frame)."""
    mesh = trimesh.Trimesh(thing.vertices, thing.faces, process=False)
    triangles = mesh.triangles
    nearest = trimesh.triangles.closest_point(triangles, np.tile(point, (len(triangles), 1)))
    face = np.linalg.norm(nearest - point, axis=1).argmin()
    weights = trimesh.triangles.points_to_barycentric(triangles[[face]], nearest[[face]])[0]
    u, v = weights @ thing.uv[face]
    height, width = thing.texture.shape[:2]
    row, column = min(int((1 - v) * height), height - 1), min(int(u * width), width - 1)
    return tuple(thing.texture[row, column].tolist())


@pytest.mark.parametrize("suffix", ["off", "stl", "ply", "glb", "obj"])
def test_every_format_gives_the_same_body(tmp_path, suffix):
    path = tmp_path / f"body.{suffix}"
    trimesh.Trimesh(CORNERS, FACES, process=False).export(path)
    body = load_mesh(path, unit="m", up="z", family="solid")
    assert (body.name, body.family) == ("body", "solid")
    assert (len(body.vertices), len(body.faces)) == (4, 4)
    np.testing.assert_allclose(body.half_extents, [0.05, 0.1, 0.15], rtol=1e-6)
    np.testing.assert_allclose(body.vertices.min(0) + body.vertices.max(0), 0, atol=1e-7)
    assert trimesh.Trimesh(body.vertices, body.faces).volume == pytest.approx(0.1 * 0.2 * 0.3 / 6, rel=1e-5)


@pytest.mark.parametrize(("up", "extents"), [("z", [1, 2, 3]), ("y", [1, 3, 2]), ("x", [2, 3, 1])])
def test_up_axis_becomes_z_by_a_rotation(tmp_path, up, extents):
    body = load_mesh(write_off(tmp_path / "a.off"), up=up)
    np.testing.assert_allclose(2 * body.half_extents, np.array(extents) / 10, rtol=1e-6)
    top = body.vertices[:, 2].argmax()  # the corner at the end of that axis
    assert np.isclose(body.vertices[:, 2], body.vertices[:, 2].min()).sum() == 3
    assert (body.faces == top).any(1).sum() == 3
    assert trimesh.Trimesh(body.vertices, body.faces).volume > 0


@pytest.mark.parametrize(("unit", "factor"), [("m", 1), ("cm", 0.01), ("inch", 0.0254), (0.5, 0.5)])
def test_unit_scales(tmp_path, unit, factor):
    body = load_mesh(write_off(tmp_path / "a.off"), unit=unit)
    assert body.half_extents[2] == pytest.approx(0.15 * factor)


def test_scale_to_diameter_replaces_the_unit(tmp_path):
    path = write_off(tmp_path / "a.off", CORNERS * 1e6)
    assert load_mesh(path, scale_to_diameter_m=0.2).diameter == pytest.approx(0.2)


def test_texture_is_right_side_up_and_not_mirrored(tmp_path):
    thing = load_mesh(write_obj(tmp_path))
    assert colour_at(thing, [0, -0.04, 0.04]) == RED
    assert colour_at(thing, [0, 0.04, 0.04]) == GREEN
    assert colour_at(thing, [0, -0.04, -0.04]) == BLUE
    assert colour_at(thing, [0, 0.04, -0.04]) == WHITE
    assert trimesh.Trimesh(thing.vertices, thing.faces).face_normals[:, 0].min() > 0.99


def test_repeated_texture_is_tiled(tmp_path):
    path = write_obj(tmp_path)
    path.write_text(path.read_text().replace("vt 1 0", "vt 3 0").replace("vt 1 1", "vt 3 1"))
    thing = load_mesh(path)
    for period in (0, 1, 2):
        left = -0.05 + period / 30 + 0.1 / 12
        assert colour_at(thing, [0, left, 0.04]) == RED
        assert colour_at(thing, [0, left + 0.1 / 6, 0.04]) == GREEN


def test_parts_with_their_own_textures_and_colours_are_joined(tmp_path):
    path = write_obj(tmp_path)
    Image.new("RGB", (4, 32), (9, 8, 7)).save(tmp_path / "other image.png")
    (tmp_path / "thing.mtl").write_text(
        "newmtl m\nmap_Kd tex.png\nnewmtl n\nmap_Kd -s 1 1 1 other image.png\nnewmtl o\nKd 0 0 1\n".replace(
            "-s 1 1 1 other image.png", "other image.png"
        )
    )
    path.write_text(
        path.read_text()
        + "v 0 .1 0\nv 0 .2 0\nv 0 .2 .1\nusemtl n\nf 5/1 6/2 7/3\nv 0 -.1 0\nv 0 0 0\nv 0 0 .1\nusemtl o\nf 8 9 10\n"
    )
    thing = load_mesh(path)
    assert len(thing.faces) == 4
    assert colour_at(thing, [0, 0.08, -0.04]) == (9, 8, 7)
    assert colour_at(thing, [0, -0.08, -0.04]) == BLUE
    assert colour_at(thing, [0, -0.045, 0.045]) == RED


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "I;16"])
def test_any_image_mode_becomes_rgb(tmp_path, mode):
    path = write_obj(tmp_path)
    value = np.full((8, 8), 200 * 257 if mode == "I;16" else 200, np.uint16 if mode == "I;16" else np.uint8)
    picture = Image.fromarray(value)
    (picture if mode == "I;16" else picture.convert(mode)).save(tmp_path / "tex.png")
    assert colour_at(load_mesh(path), [0, 0, 0]) == (200, 200, 200)


@pytest.mark.parametrize("suffix", ["ply", "glb"])
def test_vertex_colours_blend(tmp_path, suffix):
    mesh = trimesh.Trimesh(CORNERS, FACES, process=False, vertex_colors=[RED, RED, RED, BLUE])
    mesh.export(tmp_path / f"a.{suffix}")
    body = load_mesh(tmp_path / f"a.{suffix}")
    offset = -(CORNERS.min(0) + CORNERS.max(0)) / 2
    assert colour_at(body, CORNERS[3] + offset) == BLUE
    assert colour_at(body, CORNERS[:3].mean(0) + offset) == RED
    red, green, blue = colour_at(body, (CORNERS[3] + CORNERS[1]) / 2 + offset)
    assert green == 0
    assert 60 < red < 195
    assert 60 < blue < 195


def test_face_colours_and_plain_grey(tmp_path):
    mesh = trimesh.Trimesh(CORNERS, FACES, process=False, face_colors=[RED, GREEN, BLUE, WHITE])
    mesh.export(tmp_path / "a.ply")
    body = load_mesh(tmp_path / "a.ply")
    offset = -(CORNERS.min(0) + CORNERS.max(0)) / 2
    found = [colour_at(body, CORNERS[face].mean(0) + offset) for face in FACES]
    assert found == [RED, GREEN, BLUE, WHITE]
    grey = load_mesh(write_off(tmp_path / "b.off"))
    assert {colour_at(grey, CORNERS[face].mean(0) + offset) for face in FACES} == {(160, 160, 160)}


def test_inside_out_body_is_turned(tmp_path):
    body = load_mesh(write_off(tmp_path / "a.off", faces=FACES[:, ::-1]))
    assert trimesh.Trimesh(body.vertices, body.faces).volume > 0


def test_zero_area_faces_are_left_out(tmp_path):
    body = load_mesh(write_off(tmp_path / "a.off", faces=[*FACES.tolist(), [0, 1, 1], [2, 2, 2]]))
    assert len(body.faces) == 4


BAD = {
    "missing": (lambda p: p / "none.off", "there is no file"),
    "kind": (lambda p: Path(__file__), "not of a known kind; give one of .obj"),
    "empty": (lambda p: _text(p / "a.off", ""), "could not be read as OFF|has no faces"),
    "no faces": (lambda p: write_off(p / "a.off", faces=[]), "has no faces|could not be read"),
    "cloud": (lambda p: _cloud(p / "a.ply"), "has no faces; an object needs a surface"),
    "degenerate": (lambda p: write_off(p / "a.off", CORNERS[:1].repeat(4, 0)), "degenerate: every face has zero area"),
    "line": (lambda p: write_off(p / "a.off", np.outer(range(4), [1, 1, 1])), "degenerate"),
    "nan": (lambda p: write_off(p / "a.off", np.where(CORNERS == 0.3, np.nan, CORNERS)), "1 vertices .* not finite"),
    "inf": (lambda p: write_off(p / "a.off", np.where(CORNERS == 0.3, np.inf, CORNERS)), "not finite"),
    "index": (lambda p: _text(p / "a.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n"), "could not be read|names vertex"),
    "millimetres": (lambda p: write_off(p / "a.off", CORNERS * 1000), r"300 m|outside 0.001 to 10 m; .*'mm' \(0"),
    "tiny": (lambda p: write_off(p / "a.off", CORNERS / 1e9), "pass scale_to_diameter_m"),
    "texture": (lambda p: write_obj(p, texture=False), "names the texture tex.png, which is missing; put it at"),
    "corrupt texture": (lambda p: _corrupt(p), "names the texture tex.png, which is no readable image"),
    "material file": (lambda p: _no_material(p), "names the material file thing.mtl, which is missing"),
    "repeats": (lambda p: _repeats(p), "repeats its texture 99 times"),
    "ply texture": (lambda p: _ply_texture(p), "names the texture skin.png, which is missing"),
}


def _text(path, text):
    path.write_text(text)
    return path


def _cloud(path):
    trimesh.PointCloud(CORNERS).export(path)
    return path


def _corrupt(folder):
    path = write_obj(folder)
    whole = (folder / "tex.png").read_bytes()
    (folder / "tex.png").write_bytes(whole[: len(whole) // 2])
    return path


def _no_material(folder):
    path = write_obj(folder)
    (folder / "thing.mtl").unlink()
    return path


def _repeats(folder):
    path = write_obj(folder)
    return _text(path, path.read_text().replace("vt 1 ", "vt 99 "))


def _ply_texture(folder):
    path = folder / "a.ply"
    trimesh.Trimesh(CORNERS, FACES, process=False).export(path, encoding="ascii")
    return _text(path, path.read_text().replace("element vertex", "comment TextureFile skin.png\nelement vertex"))


@pytest.mark.parametrize("name", BAD)
def test_bad_mesh_is_named_in_one_line(tmp_path, name):
    make, words = BAD[name]
    path = make(tmp_path)
    with pytest.raises(ValueError, match=words) as caught:
        load_mesh(path)
    message = str(caught.value)
    assert message.startswith("load_mesh: ")
    assert path.name in message
    assert "\n" not in message


def test_too_many_faces_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("smcrep.worlds.meshes.MAX_FACES", 3)
    with pytest.raises(ValueError, match=r"has 4 faces \(limit 3\); simplify"):
        load_mesh(write_off(tmp_path / "a.off"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"unit": "parsec"}, "unit is 'parsec'; choose from m, dm"),
        ({"unit": -1.0}, "unit is -1.0; give a length above 0"),
        ({"up": "w"}, "up is 'w'; choose from z, y, x"),
        ({"scale_to_diameter_m": 0.0}, "scale_to_diameter_m is 0.0"),
    ],
)
def test_wrong_options_are_refused(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        load_mesh(write_off(tmp_path / "a.off"), **options)


@pytest.mark.parametrize("suffix", ["off", "stl", "ply", "glb", "obj"])
def test_a_file_cut_short_loads_or_is_named(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    trimesh.Trimesh(CORNERS, FACES, process=False, vertex_colors=[RED, RED, RED, BLUE]).export(path)
    whole = path.read_bytes()
    messages = []
    for cut in range(0, len(whole), max(1, len(whole) // 25)):
        path.write_bytes(whole[:cut])
        try:
            load_mesh(path)
        except ValueError as error:
            messages.append(str(error))
    assert messages
    assert all(m.startswith(f"load_mesh: {path} ") and "\n" not in m for m in messages)


def test_folder_names_by_folder_skips_and_reports(tmp_path):
    for name in ("002_can", "003_box"):
        write_obj(tmp_path / name, name="textured.obj")
    write_obj(tmp_path / "004_bad", texture=False, name="textured.obj")
    objects, problems = load_folder(tmp_path, families={"002_can": "can"})
    assert [(o.name, o.family) for o in objects] == [("002_can", "can"), ("003_box", "003_box")]
    assert len(problems) == 1
    assert "004_bad" in problems[0]
    with pytest.raises(ValueError, match=r"004_bad.*missing"):
        load_folder(tmp_path, on_bad="refuse")


def test_folder_names_by_stem_or_path(tmp_path):
    for name in ("chair/train/chair_1.off", "chair/test/chair_2.off"):
        (tmp_path / name).parent.mkdir(parents=True)
        write_off(tmp_path / name)
    assert [o.name for o in load_folder(tmp_path)[0]] == ["chair_1", "chair_2"]
    write_off(tmp_path / "chair" / "test" / "chair_1.off")
    names = [o.name for o in load_folder(tmp_path)[0]]
    assert names == ["chair/test/chair_1", "chair/test/chair_2", "chair/train/chair_1"]


def test_one_generic_file_in_a_folder_is_named_by_the_folder(tmp_path):
    write_obj(tmp_path / "002_can" / "google_16k", name="textured.obj")
    write_obj(tmp_path / "003_box" / "google_16k", name="textured.obj")
    assert [o.name for o in load_folder(tmp_path)[0]] == ["002_can", "003_box"]
    assert load_folder(tmp_path / "002_can")[0][0].name == "google_16k"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: load_folder(p / "none"), "there is no folder"),
        (lambda p: load_folder(p), "no mesh file .* anywhere under"),
        (lambda p: load_folder(p, on_bad="ignore"), "on_bad is 'ignore'"),  # type: ignore[arg-type]
    ],
)
def test_wrong_folders_are_refused(tmp_path, call, words):
    with pytest.raises(ValueError, match=words):
        call(tmp_path)


@pytest.mark.skipif(not (DATA / "ycb_textured").is_dir(), reason="ycb_textured is not here (SMCREP_DATA)")
class TestYCB:
    def test_all_78_load(self):
        objects, problems = load_folder(DATA / "ycb_textured", on_bad="refuse")
        assert (len(objects), problems) == (78, [])
        assert "003_cracker_box" in {o.name for o in objects}
        assert all(0.015 < o.diameter < 0.4 for o in objects)
        assert all(trimesh.Trimesh(o.vertices, o.faces, process=False).volume > 0 for o in objects)

    def test_sugar_box_is_yellow_below_and_white_above(self):
        box = load_mesh(DATA / "ycb_textured" / "004_sugar_box" / "textured.obj")
        u, v = box.uv.mean(1).T
        height, width = box.texture.shape[:2]
        blue = box.texture[((1 - v) * height).astype(int), (u * width).astype(int), 2].astype(float)
        z = box.vertices[box.faces].mean(1)[:, 2] / box.half_extents[2]
        side = np.abs(z) < 0.95
        assert blue[side & (z > 0.4)].mean() > 1.5 * blue[side & (z < -0.2)].mean()

    def test_wrong_unit_is_named_with_the_right_one(self):
        with pytest.raises(ValueError, match=r"diameter of 0\.000141 m with unit='mm'.*is its unit 'm'"):
            load_mesh(DATA / "ycb_textured" / "025_mug" / "textured.obj", unit="mm")


@pytest.mark.skipif(
    not (DATA / "modelnet10_off_sample").is_dir(), reason="modelnet10_off_sample is not here (SMCREP_DATA)"
)
def test_modelnet_loads_by_diameter():
    objects, problems = load_folder(DATA / "modelnet10_off_sample", scale_to_diameter_m=0.2)
    assert (len(objects), problems) == (11, [])
    assert all(o.diameter == pytest.approx(0.2, rel=1e-5) for o in objects)
    assert "toilet_0345" in {o.name for o in objects}
    with pytest.raises(ValueError, match=r"bathtub_0001\.off has a diameter of 74\.7 m .*'cm' \(0\.747 m\)"):
        load_mesh(DATA / "modelnet10_off_sample/bathtub/train/bathtub_0001.off")
