import os
from pathlib import Path

import numpy as np
import pytest
import trimesh

from smcrep.worlds.objects.meshes import load_folder, load_mesh
from tests.worlds.mesh_files import BLUE, CORNERS, FACES, RED, write_obj, write_off

DATA = Path(os.environ.get("SMCREP_DATA", Path.home() / ".cache/smcrep/data"))


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
def test_unit_scales_the_mesh(tmp_path, unit, factor):
    body = load_mesh(write_off(tmp_path / "a.off"), unit=unit)
    assert body.half_extents[2] == pytest.approx(0.15 * factor)


def test_scale_to_diameter_replaces_the_unit(tmp_path):
    path = write_off(tmp_path / "a.off", CORNERS * 1e6)
    assert load_mesh(path, scale_to_diameter_m=0.2).diameter == pytest.approx(0.2)


def test_inside_out_body_is_flipped(tmp_path):
    colours = [RED, RED, RED, BLUE]
    trimesh.Trimesh(CORNERS, FACES[:, ::-1], process=False, vertex_colors=colours).export(tmp_path / "a.ply")
    body = load_mesh(tmp_path / "a.ply")
    assert trimesh.Trimesh(body.vertices, body.faces).volume > 0
    top = np.isclose(body.vertices[body.faces][..., 2], 0.15)
    corners = body.uv[top]  # where the blue vertex stands, in each of its three faces
    rows = ((1 - corners[:, 1]) * body.texture.shape[0]).astype(int)
    columns = (corners[:, 0] * body.texture.shape[1]).astype(int)
    np.testing.assert_array_equal(body.texture[rows, columns], [BLUE] * 3)


def test_zero_area_faces_are_dropped(tmp_path):
    body = load_mesh(write_off(tmp_path / "a.off", faces=[*FACES.tolist(), [0, 1, 1], [2, 2, 2]]))
    assert len(body.faces) == 4


BAD = {
    "missing": (lambda p: p / "none.off", "there is no file"),
    "kind": (lambda p: Path(__file__), "not of a known kind; give one of .obj"),
    "empty": (lambda p: _text(p / "a.off", ""), "does not begin with OFF; is it of another kind, or empty"),
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
def test_bad_mesh_is_refused_naming_it_in_one_line(tmp_path, name):
    make, words = BAD[name]
    path = make(tmp_path)
    with pytest.raises(ValueError, match=words) as caught:
        load_mesh(path)
    message = str(caught.value)
    assert message.startswith("load_mesh: ")
    assert path.name in message
    assert "\n" not in message


def test_too_many_faces_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("smcrep.worlds.objects.meshes.MAX_FACES", 3)
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
def test_file_cut_short_loads_or_is_refused_in_one_line(tmp_path, suffix):
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


def test_folder_names_objects_by_folder_and_reports_skipped_ones(tmp_path):
    for name in ("002_can", "003_box"):
        write_obj(tmp_path / name, name="textured.obj")
    write_obj(tmp_path / "004_bad", texture=False, name="textured.obj")
    objects, problems = load_folder(tmp_path, families={"002_can": "can"})
    assert [(o.name, o.family) for o in objects] == [("002_can", "can"), ("003_box", "003_box")]
    assert len(problems) == 1
    assert "004_bad" in problems[0]
    with pytest.raises(ValueError, match=r"004_bad.*missing"):
        load_folder(tmp_path, on_bad="refuse")


def test_folder_names_objects_by_stem_or_path(tmp_path):
    for name in ("chair/train/chair_1.off", "chair/test/chair_2.off"):
        (tmp_path / name).parent.mkdir(parents=True)
        write_off(tmp_path / name)
    assert [o.name for o in load_folder(tmp_path)[0]] == ["chair_1", "chair_2"]
    write_off(tmp_path / "chair" / "test" / "chair_1.off")
    names = [o.name for o in load_folder(tmp_path)[0]]
    assert names == ["chair/test/chair_1", "chair/test/chair_2", "chair/train/chair_1"]


def test_file_with_a_generic_name_is_named_by_its_folder(tmp_path):
    write_obj(tmp_path / "002_can" / "google_16k", name="textured.obj")
    write_obj(tmp_path / "003_box" / "google_16k", name="textured.obj")
    assert [o.name for o in load_folder(tmp_path)[0]] == ["002_can", "003_box"]
    assert load_folder(tmp_path / "002_can")[0][0].name == "002_can"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: load_folder(p / "none"), "no such folder"),
        (lambda p: load_folder(p), "no mesh file .* anywhere below it"),
        (lambda p: load_folder(p, on_bad="ignore"), "on_bad is 'ignore'"),  # type: ignore[arg-type]
    ],
)
def test_wrong_folders_are_refused(tmp_path, call, words):
    with pytest.raises(ValueError, match=words):
        call(tmp_path)


@pytest.mark.skipif(not (DATA / "ycb_textured").is_dir(), reason="ycb_textured is not here (SMCREP_DATA)")
class TestYCB:
    def test_all_78_meshes_load(self):
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
