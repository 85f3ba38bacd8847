"""A mesh file is read correctly or refused in one line with the remedy; its textures lie in its folder; declared sizes
are checked before memory is allocated."""

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from smcrep.worlds.objects import mesh_checks
from smcrep.worlds.objects.meshes import load_folder, load_mesh
from tests.worlds.mesh_files import BLUE, CORNERS, FACES, GREEN, RED, WHITE, colour_at, write_obj, write_off

SUFFIXES = ("off", "ply", "obj", "stl", "glb")


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


# ---- OFF


OFF_ROWS = "0 0 0\n1 0 0\n0 2 0\n0 0 3\n3 0 2 1\n3 0 1 3\n3 0 3 2\n3 1 2 3\n"


@pytest.mark.parametrize(
    "text",
    [
        "OFF\n4 4 6\n" + OFF_ROWS,
        ("OFF\n4 4 6\n" + OFF_ROWS).replace("\n", "\r\n"),
        "OFF 4 4 6\n" + OFF_ROWS,
        "OFF4 4 0\n" + OFF_ROWS,  # as ModelNet writes some
        "# made by hand\n\nOFF\n\n4 4 6 # counts\n# corners\n" + OFF_ROWS.replace("3 0 2 1\n", "\n3 0 2 1\n"),
        "OFF\n4 4 6\n" + OFF_ROWS.replace("3 1 2 3\n", "3 1 2 3 255 0 0\n"),
        "COFF\n4 4 6\n" + OFF_ROWS.replace("0 0 3\n", "0 0 3 255 0 0 255\n"),
        "OFF\n4 3 6\n0 0 0\n1 0 0\n0 2 0\n0 0 3\n3 0 1 3\n4 0 3 2 1\n3 1 2 3\n",  # a polygon of four corners
    ],
    ids=["plain", "CRLF", "counts on the first line", "glued", "comments", "face colours", "COFF", "quad"],
)
def test_all_variants_of_off_give_the_same_body(tmp_path, text):
    body = load_mesh(written(tmp_path / "a.off", text))
    np.testing.assert_allclose(body.half_extents, [0.5, 1, 1.5])
    assert len(body.vertices) == 4
    assert len(body.faces) == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("OFF\n1000000000000 1000000000000 0\n" + OFF_ROWS, "declares 1000000000000 vertices .* in 8 lines; it is cut"),
        ("OFF\n4 9 0\n" + OFF_ROWS, "declares 4 vertices and 9 faces in 8 lines; it is cut short"),
        ("OFF\n-4 4 0\n" + OFF_ROWS, "no numbers of vertices and faces"),
        ("OFF\n", "no numbers of vertices and faces"),
        ("OFF BINARY\n4 4 0\n", "a binary OFF; export it as text"),
        ("PLY\n4 4 0\n" + OFF_ROWS, "does not begin with OFF"),
        ("OFF\n4 4 0\n" + OFF_ROWS.replace("3 1 2 3", "3 1 2 7"), "could not be read as OFF"),
        ("OFF\n4 4 0\n" + OFF_ROWS.replace("3 1 2 3", "3 1 2 -1"), "could not be read as OFF"),
    ],
)
def test_off_with_false_counts_is_refused(tmp_path, text, words):
    refused(written(tmp_path / "a.off", text), words)


# ---- PLY

PYRAMID = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0.5, 0.5, 1)]
TRIANGLES = [(0, 2, 1), (0, 3, 2), (0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)]
MIXED = [(3, 2, 1, 0), (0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)]
EVEN = [(3, 2, 1, 0), (0, 1, 4), (0, 1, 2, 3, 4)]  # as many corners in all as if every face had the first one's


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


@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize("second_list", [False, True])
def test_ply_with_lists_of_one_length_loads(tmp_path, kind, second_list):
    body = load_mesh(written(tmp_path / "a.ply", ply(kind, TRIANGLES, second_list)))
    np.testing.assert_allclose(body.half_extents, 0.5)
    assert trimesh.Trimesh(body.vertices, body.faces).volume == pytest.approx(1 / 3)
    for faces in (MIXED, EVEN):
        path = written(tmp_path / "a.ply", ply(kind, faces, second_list))
        if kind == "ascii":
            read = load_mesh(path)
            assert len(read.faces) == 6
            if faces is MIXED:
                assert trimesh.Trimesh(read.vertices, read.faces).volume == pytest.approx(1 / 3)
        else:  # trimesh reads rubbish where the lengths happen to add up
            refused(path, r"lists of unlike lengths; triangulate it|unlike numbers of corners")


@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian"])
def test_ply_with_false_declarations_is_refused(tmp_path, kind):
    refused(written(tmp_path / "a.ply", ply(kind, TRIANGLES, num_vertices=10**12)), "declares 1000000000000 of vertex")
    refused(written(tmp_path / "a.ply", ply(kind, TRIANGLES, num_vertices=-1)), "element whose number is none")
    refused(written(tmp_path / "a.ply", ply(kind, TRIANGLES)[:-20]), "declares .* it is cut short")
    whole = ply(kind, TRIANGLES)
    refused(written(tmp_path / "a.ply", whole.replace(b"vertex 5", b"vertex")), "element whose number is none")
    if kind != "ascii":
        for wrong in (b"property \n", b"property list list list x\n", b"property float\n", b"property half x\n"):
            damaged = whole.replace(b"property float x\n", wrong)
            refused(written(tmp_path / "a.ply", damaged), "declares a property .* cut short")
    refused(written(tmp_path / "a.ply", b"ply\n"), "no PLY header from 'ply' to 'end_header'")


# ---- STL, OBJ


def test_stl_cut_short_or_with_an_absurd_count_is_refused(tmp_path):
    trimesh.Trimesh(CORNERS, FACES).export(tmp_path / "a.stl")
    whole = (tmp_path / "a.stl").read_bytes()
    refused(written(tmp_path / "a.stl", whole[:-30]), r"declares 4 triangles \(284 bytes\) in 254; it is cut short")
    absurd = whole[:80] + struct.pack("<I", 2**32 - 1) + whole[84:]
    refused(written(tmp_path / "a.stl", absurd), "declares 4294967295 triangles")
    text = trimesh.Trimesh(CORNERS, FACES).export(file_type="stl_ascii")
    assert len(load_mesh(written(tmp_path / "b.stl", text)).faces) == 4
    refused(written(tmp_path / "b.stl", text[: len(text) // 2]), "has no endsolid; it is cut short")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("v 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "not of three numbers|could not be read"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 999999999999\n", "could not be read|names vertex"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 -9 1\n", "could not be read|names vertex"),
    ],
)
def test_obj_with_malformed_rows_is_refused(tmp_path, lines, words):
    refused(written(tmp_path / "a.obj", lines), words)


# ---- GLB


def glb(tree: dict[str, Any], body: bytes = b"") -> bytes:
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    parts = struct.pack("<II", len(text), 0x4E4F534A) + text
    parts += struct.pack("<II", len(body), 0x004E4942) + body if body else b""
    return struct.pack("<4sII", b"glTF", 2, 12 + len(parts)) + parts


def textured(folder: Path, picture: bytes | None = None, **image: Any) -> dict[str, Any]:
    """A triangle with a texture: written to a.glb in ``folder``; returns its header."""
    arrays = np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0]]).tobytes(), np.float32([[0, 0], [1, 0], [0, 1]]).tobytes()
    picture = png((4, 4)) if picture is None else picture
    body, views = b"", []
    for part in (*arrays, np.uint32([0, 1, 2]).tobytes(), picture):
        views.append({"buffer": 0, "byteOffset": len(body), "byteLength": len(part)})
        body += part + bytes(-len(part) % 4)
    kinds = [("VEC3", 5126), ("VEC2", 5126), ("SCALAR", 5125)]
    primitive = {"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}
    tree = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "accessors": [
            {"bufferView": i, "componentType": c, "count": 3, "type": t, "min": [0] * 3, "max": [1] * 3}
            for i, (t, c) in enumerate(kinds)
        ],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0}],
        "images": [image or {"bufferView": 3, "mimeType": "image/png"}],
        "buffers": [{"byteLength": len(body)}],
        "bufferViews": views,
    }
    (folder / "a.glb").write_bytes(glb(tree, body))
    return tree | {"body": body}


def png(size: tuple[int, int], mode: str = "RGB", colour: Any = RED, kind: str = "png") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, kind)
    return buffer.getvalue()


def test_glb_loads_with_its_texture(tmp_path):
    textured(tmp_path)
    thing = load_mesh(tmp_path / "a.glb")
    assert (thing.texture == RED).all()
    written(tmp_path / "skin.png", png((4, 4), colour=BLUE))
    textured(tmp_path, uri="skin.png")
    assert (load_mesh(tmp_path / "a.glb").texture == BLUE).all()


def test_broken_texture_in_a_glb_is_refused(tmp_path):
    textured(tmp_path, picture=png((4, 4))[:40])
    refused(tmp_path / "a.glb", "names the texture 0, which is no readable image; replace it")
    textured(tmp_path, uri="skin.png")
    refused(tmp_path / "a.glb", "names the texture skin.png, which is missing; put it at")
    textured(tmp_path, uri="data:image/png;base64,AAAA")
    refused(tmp_path / "a.glb", "no readable image")


def test_glb_cut_short_or_with_absurd_lengths_is_refused(tmp_path):
    tree = textured(tmp_path)
    whole, body = (tmp_path / "a.glb").read_bytes(), tree.pop("body")
    for cut in (0, 5, 19, 30, len(whole) // 2, len(whole) - 1):
        refused(written(tmp_path / "a.glb", whole[:cut]), "it is cut short|no GLB of version 2")
    for at in (8, 12):
        absurd = whole[:at] + struct.pack("<I", 2**32 - 1) + whole[at + 4 :]
        refused(written(tmp_path / "a.glb", absurd), r"declares 4294967\d+ bytes .* it is cut short")
    third = whole + struct.pack("<II", 2**32 - 1, 0x004E4942)
    refused(written(tmp_path / "a.glb", third), "declares 4294968435 bytes and has 1140; it is cut short")
    zeros = [{"componentType": 5126, "count": 10**12, "type": "VEC3"}, *tree["accessors"][1:]]
    refused(written(tmp_path / "a.glb", glb(tree | {"accessors": zeros}, body)), "bytes of arrays .limit")
    views = tree["bufferViews"] + [tree["bufferViews"][0] | {"byteLength": 2**31}]
    refused(written(tmp_path / "a.glb", glb(tree | {"bufferViews": views}, body)), "bytes of arrays .limit")
    refused(written(tmp_path / "a.glb", glb(tree | {"accessors": 3}, body)), "damaged glTF header")
    many = tree | {"nodes": [{"mesh": 0}] * 3000, "scenes": [{"nodes": list(range(3000))}]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("smcrep.worlds.objects.meshes.MAX_FACES", 2000)
        refused(written(tmp_path / "a.glb", glb(many, body)), r"has 3000 faces \(limit 2000\)")
    other = tree | {"buffers": [{"byteLength": 4, "uri": "../secret.bin"}]}
    refused(written(tmp_path / "a.glb", glb(other, body)), "keeps its arrays in another file, '../secret.bin'")
    deep = whole[:12] + struct.pack("<I", 200_000) + b"JSON" + b"[" * 200_000
    refused(written(tmp_path / "a.glb", deep), "it is cut short")


# ---- textures


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "sub/../../secret.png", "-s 1 1 1 ../secret.png"])
@pytest.mark.parametrize("kind", ["obj", "mtl", "ply", "glb"])
def test_no_file_outside_of_the_folder_is_read(tmp_path, monkeypatch, name, kind):
    folder = tmp_path / "mesh"
    folder.mkdir()
    written(tmp_path / "secret.png", png((4, 4)))
    opened: list[str] = []
    monkeypatch.setattr(mesh_checks.Image, "open", lambda source: opened.append(str(source)))
    path = folder / f"a.{'obj' if kind == 'mtl' else kind}"
    if kind == "glb":
        textured(folder, uri=name)
    elif kind == "ply":
        written(path, ply("ascii", TRIANGLES).replace(b"made by hand", b"TextureFile " + name.encode()))
    else:
        write_obj(folder, texture=False, material=f"map_Kd {name}", name="a.obj")
        if kind == "obj":
            written(path, path.read_text().replace("mtllib thing.mtl", f"mtllib {name}"))
    refused(path, "outside of its folder; copy it beside the mesh")
    assert not opened


def test_linked_texture_is_followed(tmp_path):
    path = write_obj(tmp_path / "mesh")
    (tmp_path / "mesh/tex.png").rename(tmp_path / "tex.png")
    (tmp_path / "mesh/tex.png").symlink_to(tmp_path / "tex.png")
    assert load_mesh(path).texture.shape == (16, 16, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I"])
def test_texture_of_any_mode_shows_its_colours(tmp_path, mode):
    path = write_obj(tmp_path)
    picture = Image.open(tmp_path / "tex.png")
    kind = "tiff" if mode in ("CMYK", "I") else "png"
    if mode.startswith("I"):
        deep = np.asarray(picture.convert("L")).astype(np.uint16) * 257
        picture = Image.fromarray(deep if mode == "I;16" else deep.astype(np.int32))
    else:
        picture = picture.convert(mode)
    picture.save(tmp_path / "tex.png", kind)
    square = load_mesh(path)
    corners = np.array([colour_at(square, [0, y, z]) for z in (0.049, -0.049) for y in (-0.049, 0.049)], int)
    grey = np.array([[c] * 3 for c in (76, 150, 29, 255)])
    colours = np.array([RED, GREEN, BLUE, WHITE])
    assert corners[3].min() >= 254
    if mode != "1":
        assert np.abs(corners - (colours if mode in ("P", "RGBA", "CMYK") else grey)).max() <= 2


def test_texture_of_unknown_range_or_absurd_size_is_refused(tmp_path):
    path = write_obj(tmp_path)
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "tex.png", "tiff")
    refused(path, "floating-point pixels of unknown range; save it with 8 bits")
    for size in ((9000, 9000), (10_000, 10_000), (60_000, 60_000)):  # below, between and beyond Pillow's own bounds
        written(tmp_path / "tex.png", bomb(size))
        refused(path, r"tex.png.* (of \d+ x \d+ texels .limit 67108864.|larger than 67108864 texels); shrink it")


def bomb(size: tuple[int, int]) -> bytes:
    """A PNG of some bytes that declares ``size``."""
    whole = png((1, 1), "L", 0)
    head = struct.pack(">II", *size) + whole[24:29]
    return whole[:16] + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + whole[33:]


@pytest.mark.parametrize("name", ["x" * 5000 + ".png", "a\x00b.png", "a\x85b.png"])
def test_impossible_texture_name_is_refused(tmp_path, name):
    refused(write_obj(tmp_path, material=f"map_Kd {name}"), "names the texture")


# ---- numbers


def test_mesh_too_far_from_the_origin_for_its_precision_is_refused(tmp_path):
    body = load_mesh(write_off(tmp_path / "a.off", CORNERS + 4096))  # single numbers hold 0.5 mm there
    np.testing.assert_allclose(body.half_extents, [0.05, 0.1, 0.15], atol=5e-4)
    trimesh.Trimesh(CORNERS + 1e6, FACES, process=False).export(tmp_path / "a.stl")
    refused(tmp_path / "a.stl", r"lies 1e\+06 from the origin, .* 0.06 apart and it is 0.3.* large; centre it")
    refused(write_off(tmp_path / "a.off", CORNERS + 1e15), "from the origin")
    refused(
        write_off(tmp_path / "a.off", CORNERS * 1e300), r"coordinates up to 3.0e\+299; repair", scale_to_diameter_m=1
    )
    refused(write_off(tmp_path / "a.off", CORNERS * 1e-300), "degenerate", scale_to_diameter_m=1)


def test_mesh_above_the_size_limit_is_refused(tmp_path, monkeypatch):
    with (tmp_path / "a.off").open("wb") as file:
        file.truncate(5 << 30)  # takes no space on the disk
    refused(tmp_path / "a.off", r"has 5368709120 bytes \(limit 1073741824\); simplify it first")
    monkeypatch.setattr(mesh_checks, "MAX_LINES", 9)
    for suffix in ("off", "obj"):
        trimesh.Trimesh(CORNERS, FACES, process=False).export(tmp_path / f"b.{suffix}")
        refused(
            written(tmp_path / f"b.{suffix}", b"\n" * 10 + (tmp_path / f"b.{suffix}").read_bytes()), "lines .limit 9"
        )


# ---- anything at all


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scratch")
    for suffix in SUFFIXES:
        trimesh.Trimesh(CORNERS, FACES, process=False, vertex_colors=[RED, RED, RED, BLUE]).export(
            folder / f"whole.{suffix}"
        )
    (folder / "text.ply").write_bytes(ply("ascii", MIXED))
    (folder / "text.stl").write_text(trimesh.Trimesh(CORNERS, FACES).export(file_type="stl_ascii"))
    return folder


EDITS = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 9),
        st.one_of(
            st.binary(max_size=6),
            st.sampled_from(
                [b"nan", b"inf", b"1e308", b"-1", b" 999999999999 ", b"\n", b"\xff\xff\xff\xff", b"[[", b"{}"]
            ),
        ),
    ),
    min_size=1,
    max_size=4,
)


def mutated(whole: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Each edit replaces so many bytes at a place in (0, 1) of the file."""
    for place, length, new in edits:
        at = int(place * len(whole))
        whole = whole[:at] + new + whole[at + length :]
    return whole


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*(f"whole.{suffix}" for suffix in SUFFIXES), "text.ply", "text.stl"])
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(edits=EDITS)
def test_damaged_file_loads_or_is_refused_in_one_line(scratch, name, edits):
    path = scratch / f"damaged.{name[-3:]}"
    path.write_bytes(mutated((scratch / name).read_bytes(), edits))
    try:
        found = load_mesh(path, scale_to_diameter_m=0.1)
    except ValueError as error:
        message = str(error)
        assert message.startswith(f"load_mesh: {path} ")
        assert len(message.splitlines()) == 1
        assert ";" in message
    else:
        assert np.isfinite(found.vertices).all()
        assert np.isfinite(found.uv).all()
        assert 0 <= found.faces.min() <= found.faces.max() < len(found.vertices)
        assert found.diameter == pytest.approx(0.1, rel=1e-4)


def test_folder_of_damaged_files_reports_one_line_each(tmp_path, capfd):
    """The logs of the libraries below must not reach the user either."""
    write_off(tmp_path / "good.off")
    written(tmp_path / "bad1.ply", ply("binary_little_endian", MIXED))
    written(tmp_path / "bad2.stl", "vertex vertex solid")
    written(tmp_path / "bad3.ply", ply("ascii", TRIANGLES).replace(b"0.5 0.5 1", b"here 0.5 1"))
    write_obj(tmp_path, material="map_Kd gone.png", name="bad4.obj")
    objects, problems = load_folder(tmp_path)
    assert len(objects) == 1
    assert [Path(line.split()[1]).name for line in problems] == ["bad1.ply", "bad2.stl", "bad3.ply", "bad4.obj"]
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ValueError, match=r"bad1\.ply"):
        load_folder(tmp_path, on_bad="refuse")
