"""One way in for pictures: whatever form they have, the same picture becomes the same uint8 RGB.

file, bytes, PIL   upright as their EXIF says, the first frame, any mode but floating point (a file says no range)
array, tensor      [h, w], or [..., h, w, c] of 1 (grey), 2 (grey, alpha), 3 or 4 (alpha) channels, last: uint8, uint16,
                   bool, or floating point from 0 to 1; any byte order and strides

16 bits keep their upper 8, as Pillow reads colour of 16 bits. Transparent parts show white. Everything else is refused
with ValueError in one line.
"""

import io
import os
from typing import Any

import numpy as np
from torch import Tensor

MAX_PIXELS = 8192 * 8192
"""Of one image: 200 MB as RGB. A file of some kilobytes may declare any size."""
MAX_CHANNELS = 4


def pixels(value: Any) -> np.ndarray:
    """uint8 [h, w, 3], or [..., h, w, 3] of an array with axes before them; memory of its own."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.is_floating_point() else value).numpy()
    if isinstance(value, np.ndarray):
        return _from_array(value)
    name = os.fspath(value) if isinstance(value, str | os.PathLike) else f"a {type(value).__name__}"
    try:
        return np.array(rgb_image(value))
    except Exception as error:  # Pillow raises many kinds for a corrupt image
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"transform: {name!s}: not a readable image ({reason}); replace it or leave it out") from None


def rgb_image(source: Any) -> Any:
    """The PIL image in mode RGB of a path, bytes, an open file or a PIL image. Raises what Pillow raises."""
    from PIL import Image, ImageOps  # in here: arrays do not need Pillow

    if isinstance(source, Image.Image):
        if source.width * source.height > MAX_PIXELS:
            raise ValueError(f"{source.width} x {source.height} pixels, limit {MAX_PIXELS}")
        image = ImageOps.exif_transpose(source)
        if image.mode == "F":
            raise ValueError(
                "floating-point pixels of unknown range; save it with 8 or 16 bits, or give an array of 0..1"
            )
        if image.mode.startswith("I"):
            return Image.fromarray(_deep_grey(image))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
        return image.convert("RGB")
    if isinstance(source, bytes | bytearray | memoryview):
        source = io.BytesIO(source)
    if not isinstance(source, str | os.PathLike) and not hasattr(source, "read"):
        raise ValueError("give a path, bytes, a PIL image, an array or a tensor")
    with Image.open(source) as image:
        return rgb_image(image)


def _deep_grey(image: Any) -> np.ndarray:
    """uint8 [h, w, 3] of a PIL image whose one channel has 16 bits, or 32 of which 16 are used."""
    grey = np.asarray(image).astype(np.int64)
    if grey.size and not 0 <= grey.min() <= grey.max() <= 65535:
        raise ValueError(f"integer pixels from {grey.min()} to {grey.max()}; save it with 8 or 16 bits")
    clear = grey == image.info["transparency"] if "transparency" in image.info else np.zeros_like(grey, bool)
    return np.where(clear, 255, grey >> 8).astype(np.uint8)[..., None].repeat(3, -1)


def _from_array(array: np.ndarray) -> np.ndarray:
    shape = list(array.shape)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim < 3 or not 1 <= array.shape[-1] <= MAX_CHANNELS:
        first = len(shape) >= 3 and 1 <= shape[-3] <= MAX_CHANNELS
        hint = "; channels first: move them last, .permute(..., 1, 2, 0) in torch" if first else ""
        raise ValueError(f"transform: rgb has shape {shape}, expected [h, w] or [..., h, w, 1 to 4 channels]{hint}")
    if np.prod(shape[:2] if len(shape) < 4 else shape[-3:-1]) > MAX_PIXELS:
        raise ValueError(f"transform: rgb has shape {shape}, more than {MAX_PIXELS} pixels; shrink it")
    array = _eight_bits(array)
    colour, alpha = (array, None) if array.shape[-1] % 2 else (array[..., :-1], array[..., -1:])
    if colour.shape[-1] == 1:
        colour = colour.repeat(3, -1)
    if alpha is not None and colour.size:
        colour = _on_white(colour, alpha)
    return np.array(colour, order="C")


def _eight_bits(array: np.ndarray) -> np.ndarray:
    kind = array.dtype.newbyteorder("=")
    if kind == np.uint8:
        return array
    if kind == np.uint16:
        return (array >> 8).astype(np.uint8)
    if kind == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if kind.kind != "f":
        remedy = "cast values of 0..255 to uint8, those of 0..65535 to uint16"
        raise ValueError(f"transform: rgb is {kind}, whose range is unknown; {remedy}")
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    if not 0 <= low <= high <= 1:  # NaN too
        remedy = "floating-point pixels go from 0 to 1; divide by their range, or cast values of 0..255 to uint8"
        raise ValueError(f"transform: rgb is {kind} from {low:.4g} to {high:.4g}; {remedy}")
    return np.rint(array.astype(np.float64) * 255).astype(np.uint8)


def _on_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """By Pillow's own arithmetic, so that an array gives the bytes that its file gives; it takes any height."""
    from PIL import Image

    flat = np.concatenate([colour, alpha], -1).reshape(-1, colour.shape[-2], 4)
    image = Image.fromarray(np.ascontiguousarray(flat))
    return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image))[..., :3].reshape(
        colour.shape
    )
