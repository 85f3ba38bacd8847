"""GLB files and textures are read correctly or refused in one line; nothing outside of the folder is opened."""

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from smcrep.worlds.objects.meshes import load_mesh
from tests.worlds.mesh_files import BLUE, GREEN, RED, TRIANGLES, WHITE, colour_at, ply, refused, write_obj, written

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
    monkeypatch.setattr(Image, "open", lambda source: opened.append(str(source)))
    if kind != "mtl" and name.startswith("-s"):
        pytest.skip("options are known before images of an MTL file only")
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
