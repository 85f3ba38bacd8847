"""Scales of a store, from sums that its shards leave behind: a model's configuration needs them."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch

from smcrep.data.schema import unpack_action


def sums(rows: Mapping[str, np.ndarray], num_branches: int) -> dict[str, Any]:
    """Count, sum and sum of squares (JSON) of what varies in the rows of a shard; actions and physics of outcomes only
    (row 0 of each state is before)."""
    outcome = np.arange(len(rows["state_id"])) % (num_branches + 1) > 0
    points = rows["points"].astype(np.float64)
    centred = points - points.mean(1, keepdims=True)
    values = {
        "action": unpack_action(torch.from_numpy(rows["action"][outcome])).vector().double().numpy(),
        "physics": rows["physics"][outcome].astype(np.float64),
        "points": centred.reshape(-1, 3),
        "rgb": rows["rgb"].reshape(-1, 3),
    }
    found: dict[str, Any] = {"points_max_m": float(np.abs(centred).max())}
    for name, value in values.items():
        # uint8 squares are counted by value: 256 bins instead of millions of products
        first, second = _moments_uint8(value) if value.dtype == np.uint8 else (value.sum(0), (value**2).sum(0))
        found[name] = {"count": len(value), "sum": first.tolist(), "sum_of_squares": second.tolist()}
    return found


def _moments_uint8(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum and sum of squares of [n, c] values, each divided by 255."""
    level = np.arange(256) / 255
    bins = np.stack([np.bincount(channel, minlength=256) for channel in pixels.T])
    return bins @ level, bins @ level**2


def combine(shards: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """From the `sums` of all shards: ``action_mean`` and ``action_std`` [24] of `Action.vector`, ``physics_mean`` and
    ``physics_std`` [6], ``rgb_mean`` and ``rgb_std`` [3] in [0, 1]; of point clouds centred on their own mean
    ``points_scale_m`` (root mean square distance of a point from the mean) and ``points_max_m`` (largest coordinate).
    A number that never varies has std 0."""
    shards = list(shards)
    found: dict[str, Any] = {}
    for name in ("action", "physics", "rgb", "points"):
        count = sum(s[name]["count"] for s in shards)
        mean = np.sum([s[name]["sum"] for s in shards], 0) / count
        square = np.sum([s[name]["sum_of_squares"] for s in shards], 0) / count
        if name == "points":
            found["points_scale_m"] = float(np.sqrt(square.sum()))
        else:
            # E[x²] - E[x]² of a constant is a rounding error, not 0
            variance = np.where(square - mean**2 > 1e-12 * square, square - mean**2, 0)
            found[f"{name}_mean"], found[f"{name}_std"] = mean.tolist(), np.sqrt(variance).tolist()
    return {**found, "points_max_m": max(s["points_max_m"] for s in shards)}
