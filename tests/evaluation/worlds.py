"""An `Encoded` whose latent truly turns with the object, and a model that knows how: answers are planted."""

from typing import Any

import numpy as np
import roma
import torch
from torch import Tensor

from smcrep.evaluation.encoded import Encoded
from smcrep.geometry.action import KINDS, Action

NUM_STATES, NUM_ACTIONS, NUM_VECTORS = 24, 6, 5


class TrueTurns:
    """Predicts by turning the vectors, as the outcomes of `turned` really do."""

    def condition(self, action: Action, physics: Tensor | None = None) -> Any:
        return action.motion[..., :3, :3]

    def predict(self, sense: str, z: Tensor, rotation: Tensor) -> Tensor:
        return (z.unflatten(-1, (-1, 3)) @ rotation.mT).flatten(-2)


class Blind(TrueTurns):
    """Leaves the latent where it was."""

    def predict(self, sense: str, z: Tensor, rotation: Tensor) -> Tensor:
        return z


def turned(seed: int = 0, num_objects: int = 4) -> Encoded:
    """Senses "a" and "fused" turn exactly; "noise" holds numbers that mean nothing."""
    generator = torch.Generator().manual_seed(seed)
    rotation = roma.rotvec_to_rotmat(torch.randn(NUM_STATES, NUM_ACTIONS, 3, generator=generator))
    motion = torch.eye(4).repeat(NUM_STATES, NUM_ACTIONS, 1, 1)
    motion[..., :3, :3] = rotation
    contact = torch.randn(NUM_STATES, NUM_ACTIONS, 3, generator=generator) / 10
    motion[..., :3, 3] = contact - (rotation @ contact[..., None])[..., 0] + 0.02
    shape = (NUM_STATES, NUM_ACTIONS)
    action = Action(torch.full(shape, KINDS.index("turn")), motion, contact, torch.zeros(*shape, 3), torch.ones(shape))
    before = torch.randn(NUM_STATES, 1, NUM_VECTORS, 3, generator=generator)
    after = before @ rotation.mT
    equivariant = torch.cat([before, after], 1).flatten(-2)
    objects = np.arange(NUM_STATES) % num_objects
    own = torch.nn.functional.one_hot(torch.from_numpy(objects), 8).float()[:, None].expand(-1, NUM_ACTIONS + 1, -1)
    noise = torch.randn(NUM_STATES, NUM_ACTIONS + 1, 8 + 3 * NUM_VECTORS, generator=generator)
    latent = torch.cat([own, equivariant], -1)
    pose = torch.eye(4).repeat(NUM_STATES, NUM_ACTIONS + 1, 1, 1)
    held = roma.rotvec_to_rotmat(torch.randn(NUM_STATES, 1, 3, generator=generator))  # no turn commutes with it
    pose[..., :3, :3] = torch.cat([held, rotation @ held], 1)
    return Encoded({"fused": latent, "a": latent, "noise": noise}, 8, action, None, pose, objects)
