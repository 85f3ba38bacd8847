"""Picture files made by the tests: each is told apart by its colour."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def colour(number: int) -> tuple[int, int, int]:
    return (10 + 20 * number % 240, 255 - 15 * number % 240, 7 * number % 256)


def encoded(number: int, form: str = "png", size: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), colour(number)).save(buffer, form)
    return buffer.getvalue()


def write(path: Path, number: int, form: str = "png") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(number, form))
    return path


def shows(pixels: np.ndarray, number: int, tolerance: int = 0) -> bool:
    return bool((np.abs(pixels.astype(int) - np.array(colour(number))) <= tolerance).all())
