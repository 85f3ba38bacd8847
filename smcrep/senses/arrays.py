"""What every sense checks alike: arrays become tensors, with one line for what is none."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

MIN_PIXELS = 8


def as_tensor(name: str, value: Any) -> Tensor:
    """A numeric NumPy array or tensor as a tensor without history, in native byte order; ValueError for the rest."""
    if isinstance(value, Tensor):
        return value.detach()
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "uifb":
        kind = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        raise ValueError(f"embed: {name} is {kind}; pass a numeric NumPy array or a torch tensor")
    return torch.from_numpy(np.ascontiguousarray(value.astype(value.dtype.newbyteorder("="), copy=False)).copy())


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def check_finite(name: str, x: Tensor, remedy: str) -> None:
    """ValueError that names the first number of ``x`` that is NaN or infinite."""
    finite = x.isfinite()
    if not finite.all():
        place = (~finite).nonzero()[0].tolist()
        raise ValueError(f"embed: {name}{place} is {x[tuple(place)].item()}; {remedy}")


def check_pixels(name: str, height: int, width: int) -> None:
    if min(height, width) < MIN_PIXELS:
        raise ValueError(
            f"embed: {name} is {height} x {width} pixels, too small to see anything; give at least "
            f"{MIN_PIXELS} x {MIN_PIXELS}"
        )
