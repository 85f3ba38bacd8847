"""Files that want to run code, leave their folder, or take all memory; each with the words that refuse it."""

import json
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from smcrep.data.schema import VERSION, Column, Schema
from smcrep.data.shard import sidecar, write_shard
from smcrep.models.config import ModelConfig

SCHEMA = Schema({"x": Column((3,), "float32"), "state_id": Column((), "int64")})
LOST = "cut short or corrupt"


def write_all(folder: Path, bomb: bytes, live: object) -> dict[str, str]:
    """Name -> pattern of the line that it must get. ``bomb`` is a pickle that leaves a mark, ``live`` its object."""
    folder.mkdir()
    expected = _pickles(folder, bomb, live) | _paths(folder) | _meshes(folder)
    return expected | _stores(folder) | _weights(folder) | _pictures(folder)


def _pickles(folder: Path, bomb: bytes, live: object) -> dict[str, str]:
    for name, write in {
        "bare.pt": lambda f: f.write_bytes(bomb),
        "inside.pt": lambda f: torch.save({"version": 1, "model": live}, f),
    }.items():
        (folder / name).mkdir()
        write(folder / name / "last.pt")
    (folder / "bare.pth").write_bytes(bomb)
    torch.save({"state_dict": live}, folder / "inside.pth")
    (folder / "bare.npz").write_bytes(bomb)
    objects = np.empty(1, object)
    objects[:] = [live]
    np.savez(folder / "inside.npz", points_u16=objects)
    (folder / "pickled.safetensors").write_bytes(bomb)
    return {
        "bare.pt": "cannot be read",
        "inside.pt": "cannot be read",
        "bare.pth": "cannot be read as tensors alone",
        "inside.pth": "cannot be read as tensors alone",
        "bare.npz": "not a zip file",
        "inside.npz": "pickle|Object arrays",
        "pickled.safetensors": "cannot be read as tensors alone",
    }


def _paths(folder: Path) -> dict[str, str]:
    """Manifests name no files; one that is given paths, as a field or as a name, is refused."""
    shards = {"schema": SCHEMA.to_json(), "num_branches": 1, "num_shards": "../../etc/passwd"}
    _json(folder / "path.store/manifest.json", shards | {"objects": [], "classes": [], "config": {}})
    fields = {"store": "../..", "store_sha256": "", "model": "/etc", "model_sha256": "", "num_rows": "../../etc/passwd"}
    fields |= {"rows_per_shard": 1, "embed_dim": 1, "num_invariant": 1, "senses": ["../x"], "smcrep": ""}
    _json(folder / "path.embeddings/manifest.json", fields)
    _json(folder / "paths.embeddings/manifest.json", fields | {"num_rows": 1, "shards": ["../../etc/passwd"]})
    corners = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
    (folder / "library.obj").write_text("mtllib ../../../../../../etc/passwd\n" + corners)
    (folder / "absolute.obj").write_text("mtllib /etc/passwd\n" + corners)
    ply = "ply\nformat ascii 1.0\ncomment TextureFile /etc/passwd\nelement vertex 0\nend_header\n"
    (folder / "texture.ply").write_text(ply)
    _glb(folder / "texture.glb", {"images": [{"uri": "../../../../etc/passwd"}]})
    _glb(folder / "buffer.glb", {"buffers": [{"uri": "../../../../etc/passwd", "byteLength": 9}]})
    outside = "outside of its folder; copy it"
    return {
        "path.store": "damaged manifest",
        "path.embeddings": "num_rows",
        "paths.embeddings": "shards",
        "library.obj": outside,
        "absolute.obj": outside,
        "texture.ply": outside,
        "texture.glb": outside,
        "buffer.glb": "keeps its arrays in another file",
    }


def _meshes(folder: Path) -> dict[str, str]:
    (folder / "many.off").write_text("OFF\n1000000000000 1000000000000 0\n0 0 0\n")
    ply = b"ply\nformat binary_little_endian 1.0\nelement vertex 1000000000000\nproperty float x\nend_header\n"
    (folder / "many.ply").write_bytes(ply)
    listed = (
        b"ply\nformat binary_little_endian 1.0\nelement face 1\nproperty list uint int vertex_indices\nend_header\n"
    )
    (folder / "list.ply").write_bytes(listed + b"\xff\xff\xff\xff")
    (folder / "many.stl").write_bytes(bytes(80) + b"\xff\xff\xff\xff")
    (folder / "chunk.glb").write_bytes(struct.pack("<4sIIII", b"glTF", 2, 20, 2**32 - 1, 0x4E4F534A))
    accessor = {"componentType": 5126, "count": 10**12, "type": "MAT4"}
    _glb(folder / "zeros.glb", {"bufferViews": [], "accessors": [accessor]})
    views = [{"buffer": 0, "byteLength": 2**20}] * 100_000  # a hundred thousand copies of one megabyte
    _glb(folder / "copies.glb", {"bufferViews": views, "accessors": []})
    with (folder / "hole.obj").open("wb") as file:
        file.truncate(1 << 36)  # takes no space on the disk
    return {
        "many.off": LOST,
        "many.ply": LOST,
        "list.ply": LOST,
        "many.stl": LOST,
        "chunk.glb": LOST,
        "zeros.glb": "bytes of arrays",
        "copies.glb": "bytes of arrays",
        "hole.obj": "simplify it first",
    }


def _stores(folder: Path) -> dict[str, str]:
    path = folder / "lengths.arrow"
    write_shard(path, SCHEMA, {"x": np.ones((7, 3), np.float32), "state_id": np.arange(7)})
    # Seven rows become 2^60: in the record batch, its columns and their buffers alike.
    damaged = path.read_bytes().replace(struct.pack("<q", 7), struct.pack("<q", 2**60))
    path.write_bytes(damaged)
    note = {"rows": 2**60, "bytes": len(damaged), "sha256": ""}
    sidecar(path).rename(folder / "lengths.note")
    (folder / "lengths.note").unlink()
    _json(folder / "huge.store/manifest.json", {"schema": {"version": VERSION, "columns": {"x": _column([10**12])}}})
    shard = {"num_branches": 1, "num_shards": 10**15, "objects": [], "classes": [], "config": {}}
    _json(folder / "many.store/manifest.json", {"schema": SCHEMA.to_json()} | shard)
    (folder / "deep.store").mkdir()
    (folder / "deep.store/manifest.json").write_text("[" * 1_000_000)
    (folder / "lengths.store/shards").mkdir(parents=True)
    path.rename(folder / "lengths.store/shards/shard-00000.arrow")
    _json(folder / "lengths.store/shards/shard-00000.json", note)
    _json(folder / "lengths.store/manifest.json", {"schema": SCHEMA.to_json()} | shard | {"num_shards": 1})
    return {
        "huge.store": "the schema is damaged",
        "many.store": "shard is missing",
        "deep.store": "damaged manifest",
        "lengths.store": "shard-00000.arrow: (not a readable shard|column|shard has)",
    }


def _weights(folder: Path) -> dict[str, str]:
    (folder / "header.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    _json(folder / "wide.model/config.json", _config(predictor="hypernetwork", predictor_hidden=65536, trunk_dim=65536))
    (folder / "wide.model/model.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")
    _json(folder / "absurd.model/config.json", _config(trunk_dim=10**12))
    packed, name = zlib.compressobj(9, wbits=-15).compress(bytes(1 << 20)), "points_u16.npy"
    with zipfile.ZipFile(folder / "zeros.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, packed)
        archive.getinfo(name).file_size = (1 << 32) - 2  # what the directory at the end declares
    return {
        "header.safetensors": "cannot be read",
        "wide.model": "lacks tensor",
        "absurd.model": "trunk_dim is 1000000000000",
        "zeros.npz": "bytes when unpacked",
    }


def _pictures(folder: Path) -> dict[str, str]:
    bomb = _png(60_000, 60_000)
    (folder / "bomb.pictures/a").mkdir(parents=True)
    (folder / "bomb.pictures/a/a.png").write_bytes(bomb)
    (folder / "large.pictures/a").mkdir(parents=True)
    (folder / "large.pictures/a/a.png").write_bytes(_png(12_000, 12_000))
    _glb(folder / "bomb.glb", *_textured(bomb))
    item = pa.DictionaryArray.from_arrays(pa.array(np.zeros(2_000_000, np.int32)), pa.array([bytes(8192)], pa.binary()))
    kinds = pa.struct({"bytes": item.type})
    rows = pa.StructArray.from_arrays([item], fields=list(kinds))
    pq.write_table(
        pa.table({"img": rows, "label": np.zeros(2_000_000, np.int64)}), folder / "repeats.parquet", store_schema=False
    )
    return {
        "bomb.pictures": "not a readable image",
        "large.pictures": "12000 x 12000 pixels",
        "bomb.glb": "larger than|of 60000 x 60000 texels",
        "repeats.parquet": "more than 268435456 bytes",
    }


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(1 << 24))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def _textured(picture: bytes) -> tuple[dict, bytes]:
    """A triangle that shows the picture, as a glTF tree and its body."""
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32).tobytes()
    uv = np.array([[0, 0], [1, 0], [0, 1]], np.float32).tobytes()
    views, body = [], b""
    for part in (corners, uv, picture):
        views.append({"buffer": 0, "byteOffset": len(body), "byteLength": len(part)})
        body += part + bytes(-len(part) % 4)
    accessors = [
        {"bufferView": i, "componentType": 5126, "count": 3, "type": kind} for i, kind in enumerate(("VEC3", "VEC2"))
    ]
    accessors[0] |= {"min": [0, 0, 0], "max": [1, 1, 0]}
    tree = {
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0}],
        "images": [{"bufferView": 2, "mimeType": "image/png"}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(body)}],
    }
    return tree, body


def _glb(path: Path, tree: dict, body: bytes = b"") -> None:
    text = json.dumps({"asset": {"version": "2.0"}} | tree).encode()
    text += b" " * (-len(text) % 4)
    parts = struct.pack("<II", len(text), 0x4E4F534A) + text
    parts += struct.pack("<II", len(body), 0x004E4942) + body if body else b""
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(parts)) + parts)


def _column(shape: list[int]) -> dict:
    return {"shape": shape, "dtype": "float32", "unit": "m", "frame": ""}


def _config(**fields: object) -> dict:
    return {"format": "smcrep", "config": ModelConfig().to_json() | fields, "provenance": {}}


def _json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
