"""Arrays of a glTF file: strided, normalised and sparse ones."""

from typing import Any, Protocol

import numpy as np

from smcrep.worlds.objects import mesh_checks
from smcrep.worlds.objects.mesh_checks import CUT

_TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_COLUMNS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}


class File(Protocol):
    """A glTF file: its header and the bytes of its buffer."""

    @property
    def tree(self) -> dict[str, Any]: ...
    @property
    def body(self) -> bytes: ...


def check_sizes(tree: dict[str, Any]) -> None:
    declared = sum(view["byteLength"] for view in tree.get("bufferViews", []))
    for record in tree.get("accessors", []):
        declared += record["count"] * _COLUMNS[record["type"]] * np.dtype(_TYPES[record["componentType"]]).itemsize
    if not 0 <= declared <= mesh_checks.MAX_BYTES:
        raise ValueError(f"declares {declared} bytes of arrays (limit {mesh_checks.MAX_BYTES}); {CUT}")


def accessor(file: File, index: int) -> np.ndarray:
    """[count, columns] of an accessor. Normalised integers are numbers from 0 (or -1) to 1; zeros where it has no
    bytes, as the format says, and then what is sparse."""
    record = file.tree["accessors"][index]
    kind, columns, count = np.dtype(_TYPES[record["componentType"]]), _COLUMNS[record["type"]], record["count"]
    if record["type"].startswith("MAT") and kind.itemsize < 4:
        raise ValueError("has matrices of small integers, which are not read; export it with floats")
    if "bufferView" in record:
        values = _strided(file, record["bufferView"], record.get("byteOffset", 0), kind, columns, count)
    else:
        values = np.zeros((count, columns), kind)
    if "sparse" in record:
        sparse = record["sparse"]
        which, new = sparse["indices"], sparse["values"]
        places = _strided(
            file,
            which["bufferView"],
            which.get("byteOffset", 0),
            np.dtype(_TYPES[which["componentType"]]),
            1,
            sparse["count"],
        ).reshape(-1)
        if len(places) and places.max() >= count:
            raise ValueError(f"has a sparse accessor that changes row {places.max()} of {count}; {CUT}")
        values = values.copy()
        values[places] = _strided(file, new["bufferView"], new.get("byteOffset", 0), kind, columns, sparse["count"])
    if record.get("normalized") and kind.kind in "iu":
        return np.maximum(values / np.iinfo(kind).max, -1.0)
    return values


def view_bytes(file: File, index: int) -> bytes:
    """The bytes of one buffer view."""
    view = file.tree["bufferViews"][index]
    extensions = view.get("extensions", {})
    if extensions and view.get("buffer", 0) != 0:
        raise ValueError(f"is compressed ({', '.join(extensions)}); export it without compression")
    if view.get("buffer", 0) != 0:
        raise ValueError("keeps its arrays in another file, or in a second buffer; export it as one GLB")
    start = view.get("byteOffset", 0)
    if start < 0 or start + view["byteLength"] > len(file.body):
        raise ValueError(f"has an array that ends behind the file; {CUT}")
    return file.body[start : start + view["byteLength"]]


def _strided(file: File, view: int, offset: int, kind: np.dtype, columns: int, count: int) -> np.ndarray:
    content = view_bytes(file, view)
    step = file.tree["bufferViews"][view].get("byteStride") or kind.itemsize * columns
    needed = offset + step * (count - 1) + kind.itemsize * columns if count else 0
    if offset < 0 or step < 1 or count < 0 or needed > len(content):
        raise ValueError(f"has an array of {needed} bytes in {len(content)}; {CUT}")
    return np.ndarray((count, columns), kind, content, offset, (step, kind.itemsize))
