"""Checks of a mesh file before it is loaded: declared counts fit into its bytes, and the textures that it names are
readable and in its folder. Messages of ValueError are predicates ("declares ...; it is cut short")."""

import base64
import io
import json
import os
import re
import struct
import warnings
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

MAX_BYTES = 1 << 30
MAX_LINES = 10_000_000
"""Of a text file. A mesh of 2 million faces with normals and texture coordinates has 5 million."""
MAX_TEXELS = 8192 * 8192
CUT = "it is cut short or corrupt"

_PLY_TYPES = {"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"}
_PLY_TYPES |= {"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"}
_PLY_TYPES |= {"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"}
_GLTF_BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
_GLTF_COLUMNS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}


def check_file(path: Path) -> None:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f"has {size} bytes (limit {MAX_BYTES}); simplify it first")
    content = path.read_bytes()
    kind = path.suffix.lower()
    if kind == ".off":
        _check_off(content)
    elif kind == ".ply":
        _check_ply(content)
        for name in _ply_textures(content):
            _check_texture(path.parent, name)
    elif kind == ".stl":
        _check_stl(content)
    elif kind == ".obj":
        _check_lines(content)
        _check_materials(path.parent, content)
    elif kind == ".glb":
        try:
            _check_glb(path.parent, content)
        except (KeyError, IndexError, TypeError, AttributeError, struct.error, RecursionError) as error:
            raise ValueError(f"has a damaged glTF header ({error!r}); {CUT}") from None


def _check_lines(content: bytes) -> None:
    lines = max(content.count(b"\n"), content.count(b"\r"))
    if lines > MAX_LINES:
        raise ValueError(f"has {lines} lines (limit {MAX_LINES}); simplify it first")


def _check_off(content: bytes) -> None:
    _check_lines(content)
    lines = [line for raw in content.splitlines() if (line := raw.split(b"#")[0].strip())]
    header = re.match(rb"[A-Z4]*?OFF(.*)", lines[0]) if lines else None
    if header is None:
        raise ValueError("does not begin with OFF; is it of another kind, or empty?")
    if b"BINARY" in header[1]:
        raise ValueError("is a binary OFF; export it as text")
    used = 1 if header[1].split() else 2  # the counts may be on the line of the keyword, even without a space
    counts = (header[1] if used == 1 else b" ".join(lines[1:2])).split()[:2]
    if len(counts) < 2 or not all(re.fullmatch(rb"\d{1,18}", count) for count in counts):
        raise ValueError(f"has no numbers of vertices and faces after OFF; {CUT}")
    vertices, faces = map(int, counts)
    if vertices + faces > len(lines) - used:
        raise ValueError(f"declares {vertices} vertices and {faces} faces in {len(lines) - used} lines; {CUT}")


def _check_ply(content: bytes) -> None:
    header, end, body = content.partition(b"end_header")
    if not content.startswith(b"ply") or not end:
        raise ValueError("has no PLY header from 'ply' to 'end_header'; is it of another kind, or cut short?")
    declared = re.findall(rb"^[ \t]*element[ \t]+(\S*)[ \t]*(\S*)", header, re.MULTILINE)
    if not all(re.fullmatch(rb"\d{1,18}", count) for _, count in declared):
        raise ValueError(f"declares an element whose number is none; {CUT}")
    text = b"ascii" in header[:200]
    if text:
        _check_lines(content)
    size = sum(bool(line.strip()) for line in body.splitlines()) if text else len(body)
    if sum(int(count) for _, count in declared) > size:
        listed = " and ".join(f"{int(count)} of {name.decode('utf-8', 'replace')}" for name, count in declared)
        raise ValueError(f"declares {listed} in {size} {'lines' if text else 'bytes'}; {CUT}")
    if not text:
        _check_lists(header, body.partition(b"\n")[2])


def _check_lists(header: bytes, body: bytes) -> None:
    """trimesh misreads a binary PLY with lists of different lengths, so every row must be as long as the first."""
    order = ">" if b"big" in header[:200] else "<"
    at = 0
    for element in re.split(rb"^[ \t]*element[ \t]+", header, flags=re.MULTILINE)[1:]:
        name, count, *_ = element.split()
        fields: list[Any] = []
        for words in re.findall(rb"^[ \t]*property[ \t]+(.*)", element, re.MULTILINE):
            kinds = words.decode("utf-8", "replace").split()[:-1]
            lists = len(kinds) == 3 and kinds[0] == "list"
            if not all(kind in _PLY_TYPES for kind in kinds[lists:]) or len(kinds) - 2 * lists != 1:
                raise ValueError(f"declares a property {words.decode('utf-8', 'replace')!r}; {CUT}")
            fields.append((f"f{len(fields)}", order + _PLY_TYPES[kinds[-2 if lists else -1]]))
            if lists:
                start, length = at + np.dtype(fields[:-1]).itemsize, np.dtype(fields[-1][1])
                first = body[start : start + length.itemsize] if int(count) else bytes(length.itemsize)
                listed = int(np.frombuffer(first, length)[0]) if len(first) == length.itemsize else -1
                if not 0 <= listed <= len(body):
                    raise ValueError(f"declares a list of {listed} in {len(body)} bytes; {CUT}")
                fields += [(f"n{len(fields)}", order + _PLY_TYPES[kinds[-1]], (listed,))]
        row = np.dtype(fields)
        if int(count) * row.itemsize > len(body) - at:
            listed_in = f"{int(count)} of {name.decode('utf-8', 'replace')} in {len(body) - at} bytes"
            raise ValueError(f"declares {listed_in}; it is cut short, or of faces with unlike numbers of corners")
        rows = np.frombuffer(body, row, int(count), at)
        for place, (*_, shape) in enumerate(fields):
            if isinstance(shape, tuple) and (rows[fields[place - 1][0]] != shape[0]).any():
                raise ValueError("is a binary PLY of lists of unlike lengths; triangulate it, or export it as text")
        at += int(count) * row.itemsize


def _check_stl(content: bytes) -> None:
    if len(content) >= 84:
        (triangles,) = struct.unpack_from("<I", content, 80)
        if len(content) == 84 + 50 * triangles:
            return
        if not content.lstrip()[:5].lower() == b"solid":
            raise ValueError(f"declares {triangles} triangles ({84 + 50 * triangles} bytes) in {len(content)}; {CUT}")
    _check_lines(content)
    if content.lower().count(b"endsolid") == 0:
        raise ValueError(f"has no endsolid; {CUT}")


def _check_glb(folder: Path, content: bytes) -> None:
    magic, version, length, json_size, kind = struct.unpack_from("<4sII I4s", content)
    if magic != b"glTF" or version != 2 or kind != b"JSON":
        raise ValueError("is no GLB of version 2; export it anew")
    body = 20 + json_size
    end = body
    while end + 8 <= len(content):  # every chunk, also those of unknown kinds
        end += 8 + struct.unpack_from("<I", content, end)[0]
    needed = max(length, end)
    if needed > len(content):
        raise ValueError(f"declares {needed} bytes and has {len(content)}; {CUT}")
    try:
        tree = json.loads(content[20:body])
    except ValueError as error:
        raise ValueError(f"has a glTF header that is no JSON ({error}); {CUT}") from None
    views, accessors = tree.get("bufferViews", []), tree.get("accessors", [])
    declared = sum(view["byteLength"] for view in views)
    declared += sum(a["count"] * _GLTF_COLUMNS[a["type"]] * _GLTF_BYTES[a["componentType"]] for a in accessors)
    if not 0 <= declared <= MAX_BYTES:
        raise ValueError(f"declares {declared} bytes of arrays (limit {MAX_BYTES}); {CUT}")
    for buffer in tree.get("buffers", []):
        if "uri" in buffer and not buffer["uri"].startswith("data:"):
            raise ValueError(f"keeps its arrays in another file, {buffer['uri'][:80]!r}; export it as one GLB")
    for number, image in enumerate(tree.get("images", [])):
        _check_glb_image(folder, image, str(image.get("name", number)), views, content[body + 8 :])


def _check_glb_image(folder: Path, image: dict[str, Any], name: str, views: list[Any], body: bytes) -> None:
    uri = image.get("uri")
    if uri is None:
        view = views[image["bufferView"]]
        start = view.get("byteOffset", 0)
        _check_image(io.BytesIO(body[start : start + view["byteLength"]]), name)
    elif uri.startswith("data:"):
        _check_image(io.BytesIO(base64.b64decode(uri.partition("base64,")[2] + "==")), name)
    else:
        _check_texture(folder, uri)


def _ply_textures(content: bytes) -> list[str]:
    header = content.partition(b"end_header")[0].decode("utf-8", "replace")
    lines = [line.split(maxsplit=2) for line in header.splitlines()]
    return [n[2].strip() for n in lines if n[:2] == ["comment", "TextureFile"] and n[2:]]


def _check_materials(folder: Path, content: bytes) -> None:
    for library in _values(content, b"mtllib"):
        material_file = named_file(folder, library, "material file")
        if not is_file(material_file):
            raise ValueError(
                f"names the material file {material_file.name}, which is missing; put it at {material_file}"
            )
        if material_file.stat().st_size > MAX_BYTES // 16:
            raise ValueError(f"names the material file {material_file.name}, which is too large to be one; replace it")
        for value in _values(material_file.read_bytes(), b"map_Kd"):
            _check_texture(folder, value)


def _values(content: bytes, keyword: bytes) -> list[str]:
    """Distinct rests of the lines that begin with ``keyword``, in order."""
    pattern = rb"^[ \t]*" + keyword + rb"[ \t]+(\S[^\r\n]*)"
    rests = re.findall(pattern, content.replace(b"\r", b"\n"), re.MULTILINE | re.IGNORECASE)
    return list(dict.fromkeys(rest.decode("utf-8", "replace").strip() for rest in rests))


def _check_texture(folder: Path, name: str) -> None:
    file = named_file(folder, name, "texture")
    if not is_file(file):
        raise ValueError(f"names the texture {file.name}, which is missing; put it at {file}")
    _check_image(file, file.name)


def named_file(folder: Path, name: str, kind: str) -> Path:
    """The file that a mesh in ``folder`` names, there or below; ValueError for one outside. Options may precede the
    name ("-s 1 1 1 a.png"), and a name may hold spaces. Links are followed wherever they lead: the user made them."""
    root = os.path.abspath(folder)
    for words in (name, name.split()[-1]):
        file = os.path.abspath(os.path.join(root, words))
        if os.path.commonpath([root, file]) != root:
            raise ValueError(f"names the {kind} {words}, outside of its folder; copy it beside the mesh and name that")
        if is_file(Path(file)):
            break
    return folder / os.path.relpath(file, root)


def is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # an impossible name: too long, or with a zero byte
        return False


def _check_image(source: Path | io.BytesIO, name: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns above its own, larger bound
            with Image.open(source) as image:
                size, mode = image.size, image.mode
                if prod(size) <= MAX_TEXELS and mode != "F":
                    image.load()
    except Image.DecompressionBombError:
        raise ValueError(f"names the texture {name}, which is larger than {MAX_TEXELS} texels; shrink it") from None
    except Exception as error:  # Pillow raises many kinds for a corrupt image
        raise ValueError(f"names the texture {name}, which is no readable image; replace it") from error
    if prod(size) > MAX_TEXELS:
        raise ValueError(f"names the texture {name} of {size[0]} x {size[1]} texels (limit {MAX_TEXELS}); shrink it")
    if mode == "F":
        raise ValueError(f"names the texture {name}, floating-point pixels of unknown range; save it with 8 bits")
