"""Input scales, fitted once on what the sampler gives and kept in the configuration: no constants typed in code."""

from dataclasses import replace

from torch import Tensor

from smcrep.geometry.action import ACTION_DIM, KINDS
from smcrep.models.config import ModelConfig

NUM_UNSCALED = len(KINDS) + 9
"""One-hot and rotation matrix of `Action.vector`: both are bounded, and zero means something there."""


def fit_scales(
    config: ModelConfig,
    *,
    actions: Tensor | None = None,
    physics: Tensor | None = None,
    points: Tensor | None = None,
    rgb: Tensor | None = None,
) -> ModelConfig:
    """``config`` with the scales of a sample; a sample that is not given leaves its scale as it stands.

    actions float32 [n, a]; physics float32 [n, p]; points float32 [n, points, 3] metres; rgb uint8 [n, h, w, 3].
    A number that never varies keeps std 1. points_scale_m is the root mean square distance of a point from the mean
    of its cloud.
    """
    found: dict[str, tuple[float, ...] | float] = {}
    if actions is not None:
        unscaled = NUM_UNSCALED if config.action_dim == ACTION_DIM else 0
        found |= _mean_std("action", actions, unscaled)
    if physics is not None:
        found |= _mean_std("physics", physics, 0)
    if rgb is not None:
        found |= _mean_std("rgb", rgb.flatten(0, -2).double() / 255, 0)
    if points is not None:
        centred = points.double() - points.double().mean(-2, keepdim=True)
        found["points_scale_m"] = float(centred.square().sum(-1).mean().sqrt())
    return replace(config, **found)  # type: ignore[arg-type]


def _mean_std(name: str, sample: Tensor, unscaled: int) -> dict[str, tuple[float, ...] | float]:
    sample = sample.double()
    mean, std = sample.mean(0), sample.std(0, correction=0)
    std[std < 1e-6] = 1
    mean[:unscaled], std[:unscaled] = 0, 1
    return {f"{name}_mean": tuple(mean.tolist()), f"{name}_std": tuple(std.tolist())}
