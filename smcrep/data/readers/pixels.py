"""Pictures that lie as bare numbers in an array, given as encoded images without loss: what `Pictures` holds."""

from collections.abc import Sequence

import numpy as np


class PixelRows(Sequence[bytes]):
    """``array`` uint8 [n, h, w, 3] (a view of a file mapped into memory will do) as n binary PPM images."""

    def __init__(self, array: np.ndarray) -> None:
        if array.dtype != np.uint8 or array.ndim != 4 or array.shape[-1] != 3:
            raise ValueError(f"pixels: {array.dtype} {list(array.shape)}; give uint8 [n, h, w, 3]")
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: int) -> bytes:  # type: ignore[override]
        _, height, width, _ = self.array.shape
        return b"P6 %d %d 255\n" % (width, height) + self.array[index].tobytes()
