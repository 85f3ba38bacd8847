"""One cell of a table or array as what a sense takes: an encoded picture, a list of numbers, a cloud."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from smcrep.data.readers.source import inside
from smcrep.senses.pictures import MAX_PIXELS, rgb_image

IMAGES = ("rgb",)
"""Senses whose cells may be encoded pictures."""


def sense_value(sense: str, cell: Any, folder: Path) -> np.ndarray:
    """The array of one cell: bytes, or Hugging Face's struct of ``bytes`` and ``path`` (a file below ``folder``), are a
    picture; nested lists are numbers. ValueError for what is none, and for numbers that are not finite."""
    if isinstance(cell, Mapping) and set(cell) <= {"bytes", "path"}:
        cell = cell.get("bytes") or inside(folder, str(cell.get("path") or ""))
    if isinstance(cell, bytes | Path):
        return _depth_image(cell) if sense == "depth" else np.array(rgb_image(cell))
    if cell is None:
        raise ValueError(f"no value for {sense}")
    array = np.asarray(cell)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{sense} is {type(cell).__name__}, not numbers or a picture")
    return checked(sense, array)


def checked(sense: str, array: np.ndarray) -> np.ndarray:
    """``array`` as the sense takes it: pictures of floating-point 0 to 255 as uint8, numbers of double precision as
    float32, of clouds x, y, z alone (lists of 3 n numbers too). ValueError where a number is not finite."""
    if array.dtype.kind == "f" and sense != "points" and not np.isfinite(array).all():
        raise ValueError(f"{sense} is not finite")  # a cloud has points that were not seen
    if sense in IMAGES:
        return _picture(array)
    if sense == "points":
        array = array.reshape(-1, 3) if array.ndim == 1 and not array.size % 3 else array
        array = array[..., :3]
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _depth_image(source: bytes | Path) -> np.ndarray:
    """float32 [h, w] metres of an image of one channel: integers are millimetres, floating point is metres, as depth
    cameras and LeRobot write them."""
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels, limit {MAX_PIXELS}")
        array = np.asarray(image)
    if array.ndim != 2 or array.dtype == np.uint8:
        raise ValueError(f"a depth image of {array.dtype} {list(array.shape)}; expected one channel of 16 bits or more")
    depth = array.astype(np.float32) * np.float32(1 if array.dtype.kind == "f" else 1e-3)
    return np.where(np.isfinite(depth), depth, 0)


def _picture(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "f" and array.size and array.max() > 1:
        if array.min() < 0 or array.max() > 255:
            raise ValueError(f"a picture of {array.dtype} from {array.min():.3g} to {array.max():.3g}; give 0 to 255")
        return np.rint(array).astype(np.uint8)
    if array.dtype.kind in "iu" and array.dtype != np.uint8 and array.size and 0 <= array.min() <= array.max() <= 255:
        return array.astype(np.uint8)
    return array


def is_plain(kind: pa.DataType) -> bool:
    """Whether a column of a table is of numbers or texts: what an index may repeat."""
    plain = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
        pa.types.is_string,
        pa.types.is_large_string,
    )
    return any(test(kind) for test in plain)
