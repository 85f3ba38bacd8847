"""Input scales, fitted once on what the sampler gives and kept in the configuration: no constants typed in code."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from smcrep.geometry.action import ACTION_DIM, KINDS
from smcrep.models.config import ModelConfig
from smcrep.senses import SENSES

NUM_UNSCALED = len(KINDS) + 9
"""One-hot and rotation matrix of `Action.vector`: both are bounded, and zero means something there."""


def fit_scales(
    config: ModelConfig,
    *,
    actions: Tensor | None = None,
    physics: Tensor | None = None,
    senses: Mapping[str, Tensor] | None = None,
) -> ModelConfig:
    """``config`` with the scales of a sample; a sample that is not given leaves its scale as it stands.

    actions float32 [n, a]; physics float32 [n, p]; senses: name -> observations [n, ...]. A number that never varies
    keeps std 1. Each sense says itself how it is scaled (`Sense.fit`).
    """
    found: dict[str, Any] = {}
    if actions is not None:
        unscaled = NUM_UNSCALED if config.action_dim == ACTION_DIM else 0
        found |= _mean_std("action", actions, unscaled)
    if physics is not None:
        found |= _mean_std("physics", physics, 0)
    if senses is not None:
        fitted = {
            name: SENSES[name].fit(settings, senses[name]) if name in senses else settings
            for name, settings in config.senses.items()
        }
        found["senses"] = fitted
    return replace(config, **found)


def _mean_std(name: str, sample: Tensor, unscaled: int) -> dict[str, tuple[float, ...]]:
    sample = sample.double()
    mean, std = sample.mean(0), sample.std(0, correction=0)
    std[std < 1e-6] = 1
    mean[:unscaled], std[:unscaled] = 0, 1
    return {f"{name}_mean": tuple(mean.tolist()), f"{name}_std": tuple(std.tolist())}
