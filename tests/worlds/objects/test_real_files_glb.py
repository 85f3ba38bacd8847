"""GLB files as exporters and optimisers write them: colours, placement, accessors, nodes; the rest refused by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from smcrep.worlds.objects.gltf_materials import to_linear, to_srgb
from smcrep.worlds.objects.meshes import load_mesh
from tests.worlds.glb_files import CORNERS, UV, Glb, encoded, quarters
from tests.worlds.mesh_files import BLUE, GREEN, RED, WHITE, colour_at, refused, square_corners

QUARTERS = [RED, GREEN, BLUE, WHITE]


def corners_of(glb: Glb, folder: Path) -> list[tuple[int, ...]]:
    return square_corners(load_mesh(glb.write(folder / "a.glb")))


def repeated(row: list[float], dtype: str, count: int = 4) -> np.ndarray:
    return np.array([row] * count, dtype)


# ---- colour


@pytest.mark.situation("linear colour factors of glTF")
@pytest.mark.parametrize(
    ("factor", "colour"),
    [([0.8, 0.2, 0.05, 1], (231, 124, 63)), ([0.5, 0.5, 0.5, 1], (188, 188, 188)), ([0, 1, 0.001, 1], (0, 255, 3))],
)
@pytest.mark.parametrize("how", ["metallic", "specular", "vertices", "both"])
def test_linear_colours_become_srgb(tmp_path: Path, factor: list[float], colour: tuple, how: str) -> None:
    if how == "metallic":
        glb = Glb({"pbrMetallicRoughness": {"baseColorFactor": factor}})
    elif how == "specular":
        glb = Glb({"extensions": {"KHR_materials_pbrSpecularGlossiness": {"diffuseFactor": factor}}})
    elif how == "vertices":
        glb = Glb(COLOR_0=repeated(factor[:3], "float32"))
    else:
        root = np.sqrt(factor).tolist()
        glb = Glb({"pbrMetallicRoughness": {"baseColorFactor": root}}, COLOR_0=repeated(root, "float32"))
    assert set(corners_of(glb, tmp_path)) == {colour}


def test_srgb_and_linear_are_inverse() -> None:
    values = np.arange(256.0)
    np.testing.assert_allclose(to_srgb(to_linear(values)), values, atol=1e-4)
    np.testing.assert_allclose(to_srgb(np.array([0.0, 1.0, 2.0])), [0, 255, 255])


@pytest.mark.situation("default material of glTF")
@pytest.mark.parametrize("material", [None, {}, {"name": "x", "doubleSided": True}, {"pbrMetallicRoughness": {}}])
def test_default_is_white(tmp_path: Path, material: Any) -> None:
    assert set(corners_of(Glb(material), tmp_path)) == {WHITE}


@pytest.mark.situation("vertex colours of glTF beside a material")
@pytest.mark.parametrize("material", [None, {"pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 1]}}, {"name": "x"}])
@pytest.mark.parametrize(("dtype", "full"), [("float32", 1), ("uint8", 255), ("uint16", 65535)])
@pytest.mark.parametrize("width", [3, 4])
def test_vertex_colours_are_shown_beside_any_material(
    tmp_path: Path, material: Any, dtype: str, full: int, width: int
) -> None:
    glb = Glb(material)
    row = [full, 0, 0, full][:width]
    glb.primitive["attributes"]["COLOR_0"] = glb.add(repeated(row, dtype), normalized=full > 1)
    assert set(corners_of(glb, tmp_path)) == {RED}


@pytest.mark.situation("linear colour factors of glTF")
def test_factor_and_vertex_colour_multiply_the_image(tmp_path: Path) -> None:
    grey = Image.new("RGB", (4, 4), (200, 200, 200))
    glb = Glb(image=grey)
    glb.tree["materials"][0]["pbrMetallicRoughness"]["baseColorFactor"] = [0.5, 0.5, 0.5, 1]
    assert set(corners_of(glb, tmp_path)) == {(146, 146, 146)}
    glb.primitive["attributes"]["COLOR_0"] = glb.add(repeated([1, 0, 1], "float32"))
    assert set(corners_of(glb, tmp_path)) == {(146, 0, 146)}


@pytest.mark.situation("vertex colours of glTF beside a material")
def test_vertex_colours_of_whole_faces_multiply_the_image_and_others_are_refused(tmp_path: Path) -> None:
    glb = Glb(image=quarters())
    unshared = np.concatenate([CORNERS[[0, 1, 2]], CORNERS[[0, 2, 3]]])
    colours = np.float32([[1, 0, 0]] * 3 + [[0, 1, 1]] * 3)
    glb.primitive["attributes"] = {"POSITION": glb.add(unshared), "TEXCOORD_0": glb.add(UV[[0, 1, 2, 0, 2, 3]])}
    del glb.primitive["indices"]
    glb.primitive["attributes"]["COLOR_0"] = glb.add(colours)
    thing = load_mesh(glb.write(tmp_path / "a.glb"))
    assert colour_at(thing, [0, 0.04, -0.045]) == RED  # white
    assert colour_at(thing, [0, -0.045, 0.04]) == (0, 0, 0)  # red times cyan
    glb.primitive["attributes"]["COLOR_0"] = glb.add(np.roll(colours, 1, 0))
    refused(glb.write(tmp_path / "a.glb"), "multiplies its image by colours that vary over a face .COLOR_0.; bake")


@pytest.mark.situation("specular and glossiness material")
def test_specular_material_shows_its_diffuse_texture(tmp_path: Path) -> None:
    specular = {"diffuseTexture": {"index": 0}, "diffuseFactor": [1, 1, 1, 1]}
    glb = Glb({"extensions": {"KHR_materials_pbrSpecularGlossiness": specular}}, quarters())
    assert corners_of(glb, tmp_path) == QUARTERS


@pytest.mark.situation("emission")
def test_what_emits_is_shown_where_it_is_all_there_is_and_refused_beside_a_colour(tmp_path: Path) -> None:
    emission = {"emissiveTexture": {"index": 0}, "emissiveFactor": [1, 1, 1]}
    black = {"pbrMetallicRoughness": {"baseColorFactor": [0, 0, 0, 1]}}
    assert corners_of(Glb(black | emission, quarters()), tmp_path) == QUARTERS
    same = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
    assert corners_of(Glb(same | emission, quarters()), tmp_path) == QUARTERS
    assert corners_of(Glb(same | emission | {"emissiveFactor": [0, 0, 0]}, quarters()), tmp_path) == QUARTERS
    glb = Glb({"name": "lamp", "emissiveFactor": [0, 1, 0]})
    refused(glb.write(tmp_path / "a.glb"), "the material 'lamp', which emits light beside its colour; bake it")


@pytest.mark.situation("holes by alpha of glTF")
@pytest.mark.parametrize("mode", ["MASK", "BLEND"])
def test_holes_that_are_seen_are_refused(tmp_path: Path, mode: str) -> None:
    holed = quarters().convert("RGBA")
    holed.putpixel((0, 0), (0, 0, 0, 0))
    one = Glb(image=holed)
    one.tree["materials"][0]["alphaMode"] = mode
    assert corners_of(one, tmp_path) == QUARTERS  # one texel of 256
    holed.paste((0, 0, 0, 0), (0, 0, 8, 8))
    glb = Glb(image=holed)
    assert corners_of(glb, tmp_path)[1:] == QUARTERS[1:]  # opaque, whatever its alpha
    glb.tree["materials"][0]["alphaMode"] = mode
    refused(glb.write(tmp_path / "a.glb"), "a transparent image on 2[45]% of a surface")
    glass = Glb({"name": "glass", "alphaMode": mode, "pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 0.2]}})
    refused(glass.write(tmp_path / "a.glb"), "the transparent material 'glass' .alpha 0.2.; make it opaque")


# ---- placement


@pytest.mark.situation("transform of a texture of glTF")
def test_texture_transform_scales_turns_and_shifts(tmp_path: Path) -> None:
    def placed(**values: Any) -> list[tuple[int, ...]]:
        glb = Glb(image=quarters())
        glb.base["extensions"] = {"KHR_texture_transform": values}
        glb.tree["extensionsUsed"] = glb.tree["extensionsRequired"] = ["KHR_texture_transform"]
        return corners_of(glb, tmp_path)

    assert placed() == QUARTERS
    assert set(placed(scale=[0.5, 0.5], offset=[0.5, 0])) == {GREEN}
    assert set(placed(scale=[0.5, 0.5], offset=[0, 0.5])) == {BLUE}
    assert placed(offset=[0.5, 0]) == [GREEN, RED, WHITE, BLUE]
    # uv turn counter-clockwise, which turns what one sees clockwise
    assert placed(rotation=np.pi / 2, offset=[0, 1]) == [BLUE, RED, WHITE, GREEN]
    assert placed(rotation=np.pi / 2, offset=[0, 1], scale=[0.5, 1]) == [BLUE, BLUE, WHITE, WHITE]  # scaled first


@pytest.mark.situation("transform of a texture of glTF")
def test_second_set_of_coordinates_is_used_where_a_texture_names_it(tmp_path: Path) -> None:
    mirrored = UV * [-1, 1] + np.float32([1, 0])
    for where in ("info", "transform"):
        glb = Glb(image=quarters(), TEXCOORD_1=mirrored.astype(np.float32))
        if where == "info":
            glb.base["texCoord"] = 1
        else:
            glb.base["extensions"] = {"KHR_texture_transform": {"texCoord": 1}}
        assert corners_of(glb, tmp_path) == [GREEN, RED, WHITE, BLUE]
    glb.base["extensions"] = {"KHR_texture_transform": {"texCoord": 2}}
    refused(glb.write(tmp_path / "a.glb"), "a texture image but no texture coordinates .TEXCOORD_2.; export it with UV")


@pytest.mark.situation("transform of a texture of glTF")
@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (10497, [RED, GREEN, RED, GREEN, RED, GREEN]),
        (33648, [GREEN, RED, RED, GREEN, GREEN, RED]),
        (33071, [RED, RED, RED, GREEN, GREEN, GREEN]),
    ],
    ids=["repeat", "mirror", "clamp"],
)
@pytest.mark.parametrize("axis", ["u", "v"])
def test_image_wraps_as_its_sampler_says(tmp_path: Path, mode: int, expected: list, axis: str) -> None:
    picture = Image.fromarray(np.array([[RED, GREEN]] if axis == "u" else [[RED], [GREEN]], np.uint8))
    glb = Glb(image=picture.resize((16, 16), Image.Resampling.NEAREST))
    column = "uv".index(axis)
    uv = UV.copy()
    uv[:, column] = uv[:, column] * 3 - 1  # from -1 to 2
    glb.primitive["attributes"]["TEXCOORD_0"] = glb.add(uv)
    glb.tree["samplers"] = [{f"wrap{'ST'[column]}": mode}]
    glb.tree["textures"][0]["sampler"] = 0
    thing = load_mesh(glb.write(tmp_path / "a.glb"))
    steps = [-0.05 + (i + 0.5) / 60 for i in range(6)]
    found = [colour_at(thing, [0, s, 0.001] if axis == "u" else [0, 0.001, -s]) for s in steps]
    assert found == expected


# ---- accessors


@pytest.mark.situation("normalised texture coordinates")
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int8", "int16"])
def test_normalised_integers_are_shares(tmp_path: Path, dtype: str) -> None:
    glb = Glb(image=quarters())
    whole = (UV * np.iinfo(dtype).max).astype(dtype)
    glb.primitive["attributes"]["TEXCOORD_0"] = glb.add(whole, normalized=True)
    assert corners_of(glb, tmp_path) == QUARTERS


@pytest.mark.situation("normalised texture coordinates")
def test_quantised_positions_are_read(tmp_path: Path) -> None:
    glb = Glb(image=quarters())
    glb.tree["extensionsRequired"] = ["KHR_mesh_quantization"]
    glb.tree["nodes"][0]["scale"] = [1e-4] * 3
    glb.primitive["attributes"]["POSITION"] = glb.add((CORNERS * 1e4).round().astype(np.int16))
    assert corners_of(glb, tmp_path) == QUARTERS
    glb.tree["nodes"][0]["scale"] = [0.1] * 3
    glb.primitive["attributes"]["POSITION"] = glb.add((CORNERS * 655350).round().astype(np.uint16), normalized=True)
    assert corners_of(glb, tmp_path) == QUARTERS


def test_sparse_accessor_changes_its_rows(tmp_path: Path) -> None:
    glb = Glb(image=quarters())
    wrong = CORNERS.copy()
    wrong[2] = 9
    which, new = glb.add_view(np.uint16([2]).tobytes()), glb.add_view(CORNERS[2].tobytes())
    sparse = {"count": 1, "indices": {"bufferView": which, "componentType": 5123}, "values": {"bufferView": new}}
    glb.primitive["attributes"]["POSITION"] = glb.add(wrong, sparse=sparse)
    assert corners_of(glb, tmp_path) == QUARTERS


@pytest.mark.parametrize(("mode", "order"), [(5, [0, 1, 3, 2]), (6, [0, 1, 2, 3]), (4, [0, 1, 2, 0, 2, 3])])
@pytest.mark.parametrize("indexed", [True, False])
def test_strips_and_fans_are_the_same_square(tmp_path: Path, mode: int, order: list[int], indexed: bool) -> None:
    glb = Glb(image=quarters())
    glb.primitive["mode"] = mode
    if indexed:
        glb.primitive["indices"] = glb.add(np.uint8(order))
    else:
        del glb.primitive["indices"]
        glb.primitive["attributes"] = {"POSITION": glb.add(CORNERS[order]), "TEXCOORD_0": glb.add(UV[order])}
    thing = load_mesh(glb.write(tmp_path / "a.glb"))
    assert square_corners(thing) == QUARTERS
    mesh = trimesh.Trimesh(thing.vertices, thing.faces)
    assert mesh.area == pytest.approx(0.01, rel=1e-5)
    assert mesh.face_normals[:, 0].min() > 0.99


def test_points_and_lines_are_noted(tmp_path: Path) -> None:
    glb = Glb(image=quarters())
    glb.tree["meshes"][0]["primitives"].append(glb.primitive | {"mode": 1})
    notes: list[str] = []
    load_mesh(glb.write(tmp_path / "a.glb"), notes=notes)
    assert notes == [f"{tmp_path / 'a.glb'} has points or lines, which have no surface"]


# ---- nodes


@pytest.mark.situation("nodes, mirrored and nested; skins; no scene")
def test_scene_nodes_skins_and_weights(tmp_path: Path) -> None:
    glb = Glb(image=quarters())
    del glb.tree["scene"], glb.tree["scenes"]
    assert corners_of(glb, tmp_path) == QUARTERS
    glb.tree["nodes"] = [{"mesh": 0, "scale": [100] * 3}, {"children": [0], "scale": [0.01] * 3}]
    assert corners_of(glb, tmp_path) == QUARTERS
    glb.tree["nodes"] = [{"mesh": 0, "scale": [1, -1, 1]}]
    assert corners_of(glb, tmp_path) == [GREEN, RED, WHITE, BLUE]

    skinned = Glb(image=quarters(), JOINTS_0=np.zeros((4, 4), np.uint8), WEIGHTS_0=repeated([1, 0, 0, 0], "float32"))
    inverse = np.eye(4, dtype=np.float32)
    inverse[2, 3] = -3
    skinned.tree["skins"] = [{"joints": [1], "inverseBindMatrices": skinned.add(inverse.T.reshape(1, 16))}]
    skinned.tree["nodes"] = [{"mesh": 0, "skin": 0, "scale": [100] * 3}, {"translation": [0, 0, 3]}]
    assert corners_of(skinned, tmp_path) == QUARTERS

    morphed = Glb(image=quarters())
    morphed.primitive["targets"] = [{"POSITION": morphed.add(CORNERS)}]
    morphed.tree["meshes"][0]["weights"] = [1.0]
    assert load_mesh(morphed.write(tmp_path / "b.glb")).half_extents[2] == pytest.approx(0.1)
    loop = Glb()
    loop.tree["nodes"] = [{"mesh": 0, "children": [0]}]
    refused(loop.write(tmp_path / "c.glb"), "the node 0 twice in its scene")


# ---- images, extensions


@pytest.mark.situation("name of an image as a URI")
@pytest.mark.parametrize("uri", ["my%20tex.png", "my tex.png", "./my%20tex.png", "MY%20TEX.png"])
def test_image_is_found_by_its_uri(tmp_path: Path, uri: str) -> None:
    (tmp_path / "my tex.png").write_bytes(encoded(quarters()))
    glb = Glb(image=quarters())
    glb.tree["images"] = [{"uri": uri}]
    assert corners_of(glb, tmp_path) == QUARTERS


@pytest.mark.situation("image that no face shows")
def test_image_that_no_face_shows_may_be_unreadable(tmp_path: Path) -> None:
    glb = Glb(image=quarters())
    glb.tree["images"] += [{"bufferView": glb.add_view(b"none"), "mimeType": "image/ktx2"}, {"uri": "gone.png"}]
    glb.tree["textures"] += [{"source": 1}, {"source": 2}]
    glb.tree["materials"][0]["normalTexture"] = {"index": 1}
    assert corners_of(glb, tmp_path) == QUARTERS


def test_webp_is_read(tmp_path: Path) -> None:
    glb = Glb(image=quarters())
    glb.tree["images"].append({"bufferView": glb.add_view(encoded(quarters(), "WEBP", lossless=True))})
    glb.tree["textures"] = [{"extensions": {"EXT_texture_webp": {"source": 1}}}]
    glb.tree["extensionsRequired"] = ["EXT_texture_webp"]
    assert corners_of(glb, tmp_path) == QUARTERS


@pytest.mark.situation("Draco compression")
@pytest.mark.situation("Basis Universal image")
@pytest.mark.parametrize(
    ("extension", "words"),
    [
        (
            "KHR_draco_mesh_compression",
            "is Draco-compressed .KHR_draco_mesh_compression.; export it without compression",
        ),
        ("EXT_meshopt_compression", "is meshopt-compressed .EXT_meshopt_compression.; export it without compression"),
        ("KHR_texture_basisu", "has Basis Universal textures .KHR_texture_basisu.; export them as PNG or JPEG"),
        ("ACME_teapots", "needs the glTF extension ACME_teapots, which is not read; export it without"),
    ],
)
def test_required_extension_is_refused_by_name(tmp_path: Path, extension: str, words: str) -> None:
    glb = Glb(image=quarters())
    glb.tree["extensionsUsed"] = glb.tree["extensionsRequired"] = [extension]
    refused(glb.write(tmp_path / "a.glb"), words)


@pytest.mark.situation("meshopt compression")
def test_what_is_compressed_without_being_required_is_refused_by_name_or_read(tmp_path: Path) -> None:
    draco = Glb(image=quarters())
    draco.primitive["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": 0}}
    assert corners_of(draco, tmp_path) == QUARTERS  # arrays are there as well
    for record in draco.tree["accessors"]:
        record.pop("bufferView")
    refused(draco.write(tmp_path / "a.glb"), "is Draco-compressed")
    basis = Glb(image=quarters())
    basis.tree["textures"] = [{"extensions": {"KHR_texture_basisu": {"source": 0}}}]
    refused(basis.write(tmp_path / "a.glb"), "a texture of another kind .KHR_texture_basisu.; export it as PNG or JPEG")
    meshopt = Glb(image=quarters())
    meshopt.tree["bufferViews"][0] |= {"buffer": 1, "extensions": {"EXT_meshopt_compression": {"buffer": 0}}}
    refused(meshopt.write(tmp_path / "a.glb"), "is compressed .EXT_meshopt_compression.; export it without compression")
    instanced = Glb()
    instanced.tree["nodes"][0]["extensions"] = {"EXT_mesh_gpu_instancing": {}}
    refused(instanced.write(tmp_path / "a.glb"), "has instances .EXT_mesh_gpu_instancing., which are not read")
