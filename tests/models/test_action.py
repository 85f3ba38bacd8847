"""The condition: scaled once, and blind where the baseline must be blind."""

import math
from dataclasses import dataclass

import roma
import torch

from smcrep.geometry.action import KINDS, Action
from smcrep.models import ModelConfig
from smcrep.models.action import ActionEncoder


def random_actions(*shape: int, seed: int = 0) -> Action:
    g = torch.Generator().manual_seed(seed)
    motion = torch.eye(4).expand(*shape, 4, 4).clone()
    motion[..., :3, :3] = roma.rotvec_to_rotmat(torch.randn(*shape, 3, generator=g))
    motion[..., :3, 3] = torch.randn(*shape, 3, generator=g)
    vectors = [torch.randn(*shape, 3, generator=g) for _ in range(2)]
    return Action(torch.full(shape, KINDS.index("turn")), motion, *vectors, torch.rand(*shape, generator=g))


def encoder(**fields) -> ActionEncoder:
    return ActionEncoder(ModelConfig(**fields))


def test_rotation_is_that_of_the_motion_and_shapes_lead() -> None:
    action = random_actions(4, 3)
    condition = encoder(condition_dim=7)(action, torch.randn(4, 3, 6))
    assert condition.rotation is not None
    assert torch.equal(condition.rotation, action.motion[..., :3, :3])
    assert condition.vector.shape == (4, 3, 7)
    assert condition[0].vector.shape == (3, 7)


def test_action_blind_encoder_takes_every_action_for_hold() -> None:
    blind, physics = encoder(use_action=False), torch.randn(5, 6)
    a, b = blind(random_actions(5, seed=1), physics), blind(random_actions(5, seed=2), physics)
    held = blind(Action.identity(5), physics)
    for condition in (a, b):
        assert condition.rotation is not None
        assert torch.equal(condition.rotation, torch.eye(3).expand(5, 3, 3))
        assert torch.equal(condition.vector, held.vector)
    seeing = encoder()
    assert not torch.equal(seeing(random_actions(5, seed=1)).vector, seeing(random_actions(5, seed=2)).vector)


def test_physics_blind_encoder_reads_no_physics() -> None:
    action = random_actions(5)
    blind = encoder(use_physics=False)
    assert torch.equal(blind(action, torch.full((5, 6), math.nan)).vector, blind(action).vector)
    seeing = encoder()
    assert not torch.equal(seeing(action, torch.ones(5, 6)).vector, seeing(action, -torch.ones(5, 6)).vector)


def test_unknown_physics_is_the_sampler_mean() -> None:
    mean = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    e, action = encoder(physics_mean=mean, physics_std=(0.5,) * 6), random_actions(5)
    torch.testing.assert_close(e(action).vector, e(action, torch.tensor(mean).expand(5, 6)).vector)


def test_scaling_and_clamp() -> None:
    e = encoder(physics_mean=(1.0,) * 6, physics_std=(2.0,) * 6)
    assert e.physics_scale(torch.full((6,), 4.0)).tolist() == [1.5] * 6
    for far in (1e9, -1e9):  # five standard deviations
        assert e.physics_scale(torch.full((6,), far)).tolist() == [math.copysign(5.0, far)] * 6


@dataclass(frozen=True)
class Crop:
    parameters: torch.Tensor

    def vector(self) -> torch.Tensor:
        return self.parameters

    @classmethod
    def identity(cls, *shape: int) -> "Crop":
        return cls(torch.zeros(*shape, 4))

    def to(self, device: torch.device | str) -> "Crop":
        return Crop(self.parameters.to(device))


def test_an_augmentation_is_an_action_without_rotation() -> None:
    crop = Crop(torch.randn(3, 4))
    assert encoder(action_dim=4, use_physics=False)(crop).rotation is None
    blind = encoder(action_dim=4, use_physics=False, use_action=False)
    assert torch.equal(blind(crop).vector, blind(Crop.identity(3)).vector)
