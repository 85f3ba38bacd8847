"""Small GLB files: the square of `mesh_files.write_obj`, with what a test puts beside it."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.worlds.mesh_files import BLUE, GREEN, RED, WHITE

CORNERS = np.float32([[0, 0, 0], [0, 0.1, 0], [0, 0.1, 0.1], [0, 0, 0.1]])
UV = np.float32([[0, 1], [1, 1], [1, 0], [0, 0]])
INDICES = np.uint32([0, 1, 2, 0, 2, 3])
_COMPONENTS = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": 5126}
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


def quarters(size: int = 16) -> Image.Image:
    """Red, green / blue, white."""
    tile = size // 2
    return Image.fromarray(
        np.kron(np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8), np.ones((tile, tile, 1), np.uint8))
    )


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


class Glb:
    """A file under construction: ``tree`` is its header; `add` and `add_view` put arrays and bytes behind it."""

    def __init__(self, material: dict[str, Any] | None = None, image: Image.Image | None = None, **attributes: Any):
        self.body = b""
        self.tree: dict[str, Any] = {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "bufferViews": [],
            "accessors": [],
        }
        self.primitive: dict[str, Any] = {
            "attributes": {"POSITION": self.add(CORNERS), "TEXCOORD_0": self.add(UV)},
            "indices": self.add(INDICES),
        }
        for name, values in attributes.items():
            self.primitive["attributes"][name] = self.add(values)
        self.tree["meshes"] = [{"primitives": [self.primitive]}]
        if image is not None:
            view = self.add_view(encoded(image))
            self.tree |= {"images": [{"bufferView": view, "mimeType": "image/png"}], "textures": [{"source": 0}]}
            material = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}} if material is None else material
        if material is not None:
            self.tree["materials"] = [material]
            self.primitive["material"] = 0

    @property
    def base(self) -> dict[str, Any]:
        """The textureInfo of the base colour."""
        return self.tree["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]

    def add_view(self, content: bytes, **more: Any) -> int:
        self.tree["bufferViews"].append({"buffer": 0, "byteOffset": len(self.body), "byteLength": len(content)} | more)
        self.body += content + bytes(-len(content) % 4)
        return len(self.tree["bufferViews"]) - 1

    def add(self, values: np.ndarray, normalized: bool = False, **more: Any) -> int:
        """An accessor of ``values``, rows aligned to four bytes as the format asks."""
        values = np.asarray(values)
        table = values.reshape(len(values), -1)
        row = table.dtype.itemsize * table.shape[1]
        padded = row + -row % 4 if table.shape[1] > 1 else row
        rows = b"".join(each.tobytes() + bytes(padded - row) for each in table)
        stride = {"byteStride": padded} if padded != row else {}
        record = {"bufferView": self.add_view(rows, **stride), "componentType": _COMPONENTS[values.dtype.name]}
        record |= {"count": len(table), "type": _TYPES[table.shape[1]]} | ({"normalized": True} if normalized else {})
        self.tree["accessors"].append(record | more)
        return len(self.tree["accessors"]) - 1

    def write(self, path: Path) -> Path:
        tree = self.tree | {"buffers": [{"byteLength": len(self.body)}]}
        text = json.dumps(tree).encode()
        text += b" " * (-len(text) % 4)
        chunks = (
            struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(self.body), b"BIN\0") + self.body
        )
        path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
        return path
