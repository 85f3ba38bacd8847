"""The true action satisfies all group laws, each kind of error breaks one, and no change satisfies all without gain."""

from collections.abc import Callable

import pytest
import roma
import torch
from torch import Tensor

from smcrep.geometry.action import KINDS, Action
from smcrep.probes.equivariance import GroupLaws, gain, group_laws

N = 64


def turns(seed: int) -> Action:
    generator = torch.Generator().manual_seed(seed)
    motion = torch.eye(4).repeat(N, 1, 1)
    motion[:, :3, :3] = roma.rotvec_to_rotmat(torch.randn(N, 3, generator=generator))
    kind = torch.full((N,), KINDS.index("turn"))
    return Action(kind, motion, torch.zeros(N, 3), torch.zeros(N, 3), torch.ones(N))


def rotate(z: Tensor, action: Action) -> Tensor:
    return (z.view(N, -1, 3) @ action.motion[:, :3, :3].mT).flatten(1)


def laws_of(predict: Callable[[Tensor, Action], Tensor]) -> GroupLaws:
    z = torch.randn(N, 12, generator=torch.Generator().manual_seed(2))
    first, second, third = turns(0), turns(1), turns(3)
    return group_laws(predict, z, first, second, third, rotate(z, first))


def values(laws: GroupLaws) -> dict[str, float]:
    return {name: getattr(laws, name).value for name in ("identity", "inverse", "composition", "loop", "gain")}


def test_true_action_satisfies_all_laws_and_gains() -> None:
    found = values(laws_of(rotate))
    assert max(found[law] for law in ("identity", "inverse", "composition", "loop")) < 1e-5
    assert found["gain"] > 0.3


def test_constant_prediction_satisfies_all_laws_without_gain() -> None:
    found = values(laws_of(lambda z, action: z))
    assert found == pytest.approx({"identity": 0, "inverse": 0, "composition": 0, "loop": 0, "gain": 0}, abs=1e-6)


def test_wrong_order_of_composition_breaks_composition_and_loop() -> None:
    """The inverse rotation is an anti-homomorphism, which satisfies identity and inverse."""

    def transposed(z: Tensor, action: Action) -> Tensor:
        return rotate(z, action.inverse())

    found = values(laws_of(transposed))
    assert max(found["identity"], found["inverse"]) < 1e-5
    assert min(found["composition"], found["loop"]) > 0.3
    assert found["gain"] < 0


def test_half_the_rotation_breaks_composition_and_a_drift_breaks_identity() -> None:
    def half(z: Tensor, action: Action) -> Tensor:
        return rotate(z, Action(action.kind, power(action.motion, 0.5), action.contact, action.force, action.duration))

    assert values(laws_of(half))["identity"] < 1e-4
    assert values(laws_of(half))["composition"] > 0.05
    assert values(laws_of(lambda z, action: rotate(z, action) + 0.5))["identity"] > 0.1


def power(motion: Tensor, exponent: float) -> Tensor:
    changed = motion.clone()
    changed[:, :3, :3] = roma.rotvec_to_rotmat(exponent * roma.rotmat_to_rotvec(motion[:, :3, :3]))
    return changed


def test_residuals_are_relative_to_the_true_displacement() -> None:
    """A predictor that overshoots z by a vector as long as the mean displacement has an identity residual of 1."""
    z = torch.randn(N, 12, generator=torch.Generator().manual_seed(2))
    step = (rotate(z, turns(0)) - z).norm(dim=-1).mean()
    drift = torch.zeros(12)
    drift[5] = step
    assert laws_of(lambda z, action: z + drift).identity.value == pytest.approx(1, rel=1e-5)


def test_gain_is_a_difference_of_cosines() -> None:
    z, outcome = torch.tensor([[1.0, 0]]), torch.tensor([[0.0, 1]])
    assert float(gain(z, outcome, outcome)) == pytest.approx(1)
    assert float(gain(z, z, outcome)) == pytest.approx(0)
    assert float(gain(outcome, z, outcome)) == pytest.approx(-1)


def test_actions_that_move_nothing_are_refused() -> None:
    z = torch.ones(N, 12)
    with pytest.raises(ValueError, match="the actions move no embedding"):
        group_laws(lambda z, action: z, z, turns(0), turns(1), turns(2), z)


def test_latents_that_are_being_trained_are_measured_too() -> None:
    z = torch.randn(N, 12, generator=torch.Generator().manual_seed(2)).requires_grad_()
    found = group_laws(rotate, z, turns(0), turns(1), turns(3), rotate(z, turns(0)))
    assert values(found) == pytest.approx(values(laws_of(rotate)))
