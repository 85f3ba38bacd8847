"""One encoder of action and physics, shared by all senses: what the predictors are conditioned on."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from smcrep.geometry.action import ActionLike
from smcrep.models.config import ModelConfig
from smcrep.transition import Batch

MAX_STD = 5.0
"""Scaled numbers are clamped to this many standard deviations: a rare violent push must not leave the trained range."""


@dataclass(frozen=True)
class Condition(Batch):
    """What a predictor is conditioned on.

    rotation  float32 [..., 3, 3], of what is seen, in the camera's frame; None for actions that are no motion.
    vector    float32 [..., c], action and physics encoded.
    """

    rotation: Tensor | None
    vector: Tensor


class ActionEncoder(nn.Module):
    """Action and physics -> `Condition`. With ``use_action=False`` every action is `hold` from here on."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.use_action, self.use_physics = config.use_action, config.use_physics
        self.action_scale = _Scale(config.action_dim, config.action_mean, config.action_std)
        self.physics_scale = _Scale(config.physics_dim, config.physics_mean, config.physics_std)
        num_in = config.action_dim + (config.physics_dim if config.use_physics else 0)
        self.layers = nn.Sequential(
            nn.Linear(num_in, 2 * config.condition_dim),
            nn.GELU(),
            nn.Linear(2 * config.condition_dim, config.condition_dim),
        )

    def forward(self, action: ActionLike, physics: Tensor | None = None) -> Condition:
        """action [...], physics float32 [..., p] or None where unknown (the sampler's mean is then assumed)."""
        vector = action.vector()
        if not self.use_action:
            action = type(action).identity(*vector.shape[:-1]).to(vector.device)
            vector = action.vector()
        motion = getattr(action, "motion", None)
        parts = [self.action_scale(vector)]
        if self.use_physics:
            shape = (*vector.shape[:-1], self.physics_scale.mean.numel())
            known = None if physics is None else self.physics_scale(physics)
            parts.append(vector.new_zeros(shape) if known is None else known.expand(shape))
        return Condition(None if motion is None else motion[..., :3, :3], self.layers(torch.cat(parts, -1)))


class _Scale(nn.Module):
    def __init__(self, dim: int, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        # Not persistent: the configuration keeps them, and one place is enough.
        self.register_buffer("mean", torch.tensor(mean) if mean else torch.zeros(dim), persistent=False)
        self.register_buffer("std", torch.tensor(std) if std else torch.ones(dim), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return ((x - self.mean) / self.std).clamp(-MAX_STD, MAX_STD)
