"""One picture, every way in: file, bytes, PIL, array and tensor give the same bytes, or are refused in one line."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from smcrep.data.readers.images import Pictures
from smcrep.senses import RGB, pictures
from smcrep.senses.pictures import pixels

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (10, 12, 3), np.uint8)
GREY = COLOUR[..., 0]
ALPHA = RNG.integers(0, 256, (10, 12), np.uint8)
DEEP = RNG.integers(0, 65536, (10, 12), np.uint16)
RGBA = np.dstack([COLOUR, ALPHA])


def three(grey: np.ndarray) -> np.ndarray:
    return grey[..., None].repeat(3, -1)


def on_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The over operator in floating point."""
    share = alpha[..., None] / 255
    return share * colour + (1 - share) * 255


def png_of_16_bits(colour: np.ndarray) -> bytes:
    """uint16 [h, w, 3 or 4] as PNG; Pillow cannot write it."""
    import struct
    import zlib

    height, width, channels = colour.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colour)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def encoded(image: Image.Image, kind: str = "png", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def upside_down() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 3
    return encoded(Image.fromarray(COLOUR[::-1, ::-1].copy()), exif=exif)


def palette(transparent: bool) -> bytes:
    image = Image.fromarray(GREY // 64).convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    return encoded(image, **({"transparency": 1} if transparent else {}))


COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]])
CLEAR = np.array([[255, 0, 0], [255, 255, 255], [0, 0, 255], [9, 9, 9]])
COLOUR_16 = RNG.integers(0, 65536, (10, 12, 3), np.uint16)

FILES: dict[str, tuple[bytes, np.ndarray]] = {
    "colour": (encoded(Image.fromarray(COLOUR)), COLOUR),
    "upright by EXIF": (upside_down(), COLOUR),
    "grey": (encoded(Image.fromarray(GREY)), three(GREY)),
    "one bit": (encoded(Image.fromarray(GREY > 99)), three((GREY > 99) * 255)),
    "16 bits, grey": (encoded(Image.fromarray(DEEP)), three(DEEP / 257)),
    "16 bits, big-endian": (encoded(Image.fromarray(DEEP.astype(">u2")), "tiff"), three(DEEP / 257)),
    "16 of 32 bits": (encoded(Image.fromarray(DEEP.astype(np.int32)), "tiff"), three(DEEP / 257)),
    "16 bits, colour": (png_of_16_bits(COLOUR_16), COLOUR_16 / 257),
    "alpha": (encoded(Image.fromarray(RGBA)), on_white(COLOUR, ALPHA)),
    "grey and alpha": (encoded(Image.fromarray(np.dstack([GREY, ALPHA]))), on_white(three(GREY), ALPHA)),
    "16 bits, alpha": (
        png_of_16_bits(np.dstack([COLOUR_16, ALPHA.astype(np.uint16) * 257])),
        on_white(COLOUR_16 >> 8, ALPHA),
    ),
    "palette": (palette(False), COLOURS[GREY // 64]),
    "palette with a clear colour": (palette(True), CLEAR[GREY // 64]),
    "CMYK": (encoded(Image.fromarray(COLOUR).convert("CMYK"), "tiff"), COLOUR),
}
ARRAYS: dict[str, tuple[Any, np.ndarray]] = {
    "16 bits": (COLOUR_16, COLOUR_16 / 257),
    "16 bits, grey": (DEEP, three(DEEP / 257)),
    "0 to 1": (COLOUR / 255, COLOUR),
    "0 to 1, grey": (GREY.astype(np.float32)[..., None] / 255, three(GREY)),
    "one bit": (GREY > 99, three((GREY > 99) * 255)),
    "alpha": (RGBA, on_white(COLOUR, ALPHA)),
    "grey and alpha": (np.dstack([GREY, ALPHA]), on_white(three(GREY), ALPHA)),
    "alpha, 0 to 1": (RGBA / 255, on_white(COLOUR, ALPHA)),
}
FORMS: dict[str, Callable[[np.ndarray], Any]] = {
    "array": lambda x: x,
    "read-only": lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "view with negative strides": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "every second column": lambda x: np.repeat(x, 2, 1)[:, ::2],
    "columns first in memory": np.asfortranarray,
    "tensor": lambda x: torch.from_numpy(np.ascontiguousarray(x)),
    "tensor with a gradient": lambda x: (t := torch.from_numpy(x.copy())).requires_grad_(t.is_floating_point()),
}


@pytest.mark.parametrize("name", FILES)
def test_file_is_the_same_by_every_way_in(name: str, tmp_path: Path) -> None:
    content, expected = FILES[name]
    path = tmp_path / "a picture"
    path.write_bytes(content)
    found = pixels(path)
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1
    with Image.open(path) as opened, path.open("rb") as file:
        for form in (str(path), content, bytearray(content), memoryview(content), io.BytesIO(content), file, opened):
            np.testing.assert_array_equal(RGB.convert(form).numpy(), found)
    square = Pictures([path], np.zeros(1, np.int64), ("a",), "here").decode(0, 10)
    np.testing.assert_array_equal(square, found[:, 1:11])  # a reader cuts the central square


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["colour", *ARRAYS])
def test_array_is_the_same_in_every_layout(name: str, form: str) -> None:
    array, expected = ARRAYS.get(name, (COLOUR, COLOUR))
    found = RGB.convert(FORMS[form](array))
    assert found.dtype == torch.uint8
    assert np.abs(found.numpy() - expected).max() <= 1
    assert torch.equal(found, RGB.convert(array))
    batch = np.stack([array if array.ndim == 3 else array[..., None]] * 2)
    assert torch.equal(RGB.convert(FORMS[form](batch)), torch.stack([found] * 2))
    assert RGB.convert(batch[:0]).shape == (0, *found.shape)


@pytest.mark.parametrize(
    ("array", "content"),
    [
        (RGBA, FILES["alpha"][0]),
        (np.dstack([GREY, ALPHA]), FILES["grey and alpha"][0]),
        (DEEP, FILES["16 bits, grey"][0]),
        (COLOUR_16, FILES["16 bits, colour"][0]),
        (GREY > 99, FILES["one bit"][0]),
    ],
)
def test_array_and_its_file_give_the_same_bytes(array: np.ndarray, content: bytes) -> None:
    assert torch.equal(RGB.convert(array), RGB.convert(content))
    assert torch.equal(RGB.convert([array, content])[0], RGB.convert(array))


def test_result_has_memory_of_its_own() -> None:
    array = COLOUR.copy()
    RGB.convert(array)[:] = 0
    np.testing.assert_array_equal(array, COLOUR)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (COLOUR.astype(np.float32), r"rgb is float32 from 0 to 255; floating-point pixels go from 0 to 1; divide"),
        (COLOUR / 127.5 - 1, r"rgb is float64 from -1 to 1; floating-point pixels go from 0 to 1"),
        (np.where(ALPHA[..., None] > 250, np.nan, COLOUR / 255), "rgb is float64 from nan to nan"),
        (COLOUR.astype(np.int64), "rgb is int64, whose range is unknown; cast values of 0..255 to uint8"),
        (np.array([["a"]]), r"rgb is <U1|shape \[1, 1\]"),
        (COLOUR.transpose(2, 0, 1), r"shape \[3, 10, 12\], expected .*; channels first: move them last"),
        (np.zeros((2, 10, 12, 7), np.uint8), r"shape \[2, 10, 12, 7\], expected \[h, w\] or \[..., h, w, 1 to 4"),
        (np.zeros(10, np.uint8), r"shape \[10\], expected"),
        (Image.fromarray(np.ones((9, 9), np.float32)), "Image: not a readable image .*unknown range"),
        (Image.fromarray(np.full((9, 9), 1 << 20, np.int32)), "integer pixels from 1048576"),
        (b"no picture", "a bytes: not a readable image"),
        (FILES["alpha"][0][:90], "not a readable image"),
        ("nowhere.png", "nowhere.png: not a readable image .*No such file"),
        (7, "a int: not a readable image .give a path, bytes, a PIL image, an array or a tensor"),
        ([COLOUR, 7], "a int: not a readable image"),
        ([], r"list of images of sizes \[\]"),
    ],
)
def test_what_has_no_known_range_or_form_is_refused_in_one_line(value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=rf"^transform: .*{words}") as caught:
        RGB.convert(value)
    assert "\n" not in str(caught.value)


def test_larger_pictures_than_the_limit_are_refused_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", 100)
    for value in (COLOUR, FILES["colour"][0], Image.fromarray(COLOUR)):
        with pytest.raises(ValueError, match=r"^transform: .*(100 pixels|limit 100)"):
            RGB.convert(value)


def test_a_picture_may_have_as_many_pixels_as_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", 12)
    assert pictures.rgb_image(Image.new("RGB", (4, 3))).size == (4, 3)
    with pytest.raises(ValueError, match="13 x 1 pixels, limit 12"):
        pictures.rgb_image(Image.new("RGB", (13, 1)))


@pytest.mark.parametrize("lead", [(), (5,), (5, 4), (2, 3, 7)])
def test_the_limit_is_on_one_picture_however_many_there_are(
    lead: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", 12)
    assert pixels(np.zeros((*lead, 4, 3, 1), np.uint8)).shape == (*lead, 4, 3, 3)
    with pytest.raises(ValueError, match="more than 12 pixels; shrink it"):
        pixels(np.zeros((*lead, 4, 4, 1), np.uint8))
    with pytest.raises(ValueError, match=r"shape \[4, 4\], more than 12 pixels; shrink it"):
        pixels(np.zeros((4, 4), np.uint8))
