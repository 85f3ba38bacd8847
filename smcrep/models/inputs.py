"""Observations at the border: checked once, with one clear line for each fault, then trusted."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

Array = np.ndarray | Tensor

MIN_PIXELS = 8


def check_observations(rgb: Array | None, points: Array | None, senses: tuple[str, ...]) -> dict[str, Tensor]:
    """{"rgb": uint8 [b, h, w, 3], "points": float32 [b, n, 3]}, those that were given."""
    given: dict[str, Tensor] = {}
    if rgb is not None:
        given["rgb"] = check_rgb(rgb)
    if points is not None:
        given["points"] = check_points(points)
    if not given:
        raise ValueError("embed: neither rgb nor points was given; pass rgb=, points= or both")
    for sense in given:
        if sense not in senses:
            raise ValueError(f"embed: this model has no sense {sense!r}, it was trained on {', '.join(senses)}")
    if len({len(x) for x in given.values()}) > 1:
        raise ValueError(
            f"embed: rgb holds {len(given['rgb'])} observations and points {len(given['points'])}; "
            "give both senses of the same observations, in the same order"
        )
    return given


def check_rgb(rgb: Array) -> Tensor:
    """uint8 [b, h, w, 3] as a tensor."""
    x = _tensor("rgb", rgb)
    if x.ndim != 4:
        hint = "; for one image pass rgb[None]" if x.ndim == 3 else ""
        raise ValueError(f"embed: rgb has shape {list(x.shape)}, expected (B, H, W, 3){hint}")
    if x.shape[-1] != 3:
        if x.shape[1] == 3:
            raise ValueError(
                f"embed: rgb has shape {list(x.shape)}, channels first; pass channels last (B, H, W, 3), "
                "rgb.transpose(0, 2, 3, 1) in NumPy or rgb.permute(0, 2, 3, 1) in torch"
            )
        raise ValueError(
            f"embed: rgb has {x.shape[-1]} channels, expected 3 (B, H, W, 3); drop alpha, repeat grey three times"
        )
    if x.dtype != torch.uint8:
        how = "(rgb * 255).round() of values in [0, 1], cast to uint8" if x.is_floating_point() else "a cast to uint8"
        raise ValueError(f"embed: rgb is {_name(x.dtype)}, expected uint8 in 0..255; convert by {how}")
    if min(x.shape[1:3]) < MIN_PIXELS:
        raise ValueError(
            f"embed: rgb is {x.shape[1]} x {x.shape[2]} pixels, too small to see anything; give at least "
            f"{MIN_PIXELS} x {MIN_PIXELS}"
        )
    return x


def check_points(points: Array) -> Tensor:
    """Finite float32 [b, n, 3] as a tensor."""
    x = _tensor("points", points)
    if x.ndim != 3:
        hint = "; for one cloud pass points[None]" if x.ndim == 2 else ""
        raise ValueError(f"embed: points has shape {list(x.shape)}, expected (B, N, 3){hint}")
    if x.shape[-1] != 3:
        hint = "; transpose the last two axes" if x.shape[1] == 3 else "; drop what is not x, y, z"
        raise ValueError(f"embed: points has shape {list(x.shape)}, expected (B, N, 3){hint}")
    if x.shape[1] < 1:
        raise ValueError("embed: points holds clouds of 0 points; give at least 1, or leave points out")
    if not x.is_floating_point():
        raise ValueError(f"embed: points is {_name(x.dtype)}, expected floating-point metres; divide by the unit")
    x = x.float()
    if not x.isfinite().all():
        item, point, axis = (~x.isfinite()).nonzero()[0].tolist()
        raise ValueError(
            f"embed: points[{item}, {point}, {axis}] is {x[item, point, axis].item()}; remove points without depth, "
            "or replace them by copies of valid ones"
        )
    return x


def _tensor(name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach()
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "uifb":
        kind = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        raise ValueError(f"embed: {name} is {kind}; pass a numeric NumPy array or a torch tensor")
    return torch.from_numpy(np.ascontiguousarray(value.astype(value.dtype.newbyteorder("="), copy=False)).copy())


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
