import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from smcrep.worlds.objects.appearance import packed, painted
from smcrep.worlds.objects.meshes import load_mesh
from tests.worlds.mesh_files import BLUE, CORNERS, FACES, GREEN, RED, WHITE, colour_at, write_obj, write_off


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
        "newmtl m\nmap_Kd tex.png\nnewmtl n\nmap_Kd other image.png\nnewmtl o\nKd 0 0 1\n"
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


def test_faces_of_one_colour_need_one_texel_for_each_colour():
    colours = np.repeat(np.array([RED, GREEN, RED, BLUE])[:, None], 3, axis=1)
    uv, texture = painted(colours)
    assert texture.shape == (2, 2, 3)
    assert uv.shape == (4, 3, 2)
    np.testing.assert_array_equal(uv[0], uv[2])


def test_equal_textures_are_packed_once_and_many_are_thinned():
    uv = np.full((1, 3, 2), 0.5)
    same = [(uv, np.full((8, 8, 3), 7, np.uint8), False) for _ in range(5)]
    assert packed(same)[1].shape == (8, 8, 3)
    many = [(uv, np.full((1500, 8, 3), value, np.uint8), value == 0) for value in range(6)]
    coordinates, texture, painted = packed(many)
    assert painted.sum() == len(texture) / 6
    assert texture.shape[0] <= 4096
    rows = ((1 - coordinates[:, 0, 1]) * len(texture)).astype(int)
    assert texture[rows, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "material", ["map_Kd -s 1 1 1 tex.png", "  map_Kd tex.png \r\n# map_Kd none.png", "map_kd ./tex.png"]
)
def test_texture_name_is_found_behind_options_and_blanks(tmp_path, material):
    square = load_mesh(write_obj(tmp_path, material=material))
    assert square.texture.shape == (16, 16, 3)
    corners = [colour_at(square, [0, y, z]) for z in (0.049, -0.049) for y in (-0.049, 0.049)]
    assert corners == [RED, GREEN, BLUE, WHITE]


def test_base_colour_factor_tints_the_image(tmp_path):
    white = Image.new("RGB", (4, 4), WHITE)
    material = PBRMaterial(baseColorTexture=white, baseColorFactor=[0, 255, 0, 255])
    visual = TextureVisuals(uv=np.zeros((4, 2)) + 0.5, material=material)
    trimesh.Trimesh(CORNERS, FACES, visual=visual, process=False).export(tmp_path / "a.glb")
    assert colour_at(load_mesh(tmp_path / "a.glb"), CORNERS[0]) == GREEN
