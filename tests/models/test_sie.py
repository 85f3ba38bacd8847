"""SIE's predictor: linear in the quaternion, the same for both signs of it, the identity at first."""

import pytest
import roma
import torch

from smcrep.models.predictors import PREDICTORS, Sizes
from smcrep.models.sie import SIE


def predictor() -> torch.nn.Module:
    torch.manual_seed(0)
    return PREDICTORS["sie"](Sizes(12, 4, 8, 0)).double()


def some_z(n: int) -> torch.Tensor:
    return torch.randn(n, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_equals_the_sum_of_weighted_matrices_written_out() -> None:
    p, z = predictor(), some_z(5)
    q = roma.random_unitquat(5, dtype=torch.float64)
    found = p(z, roma.unitquat_to_rotmat(q), torch.zeros(5, 4)).detach()
    for i in range(5):
        sign = 1 if q[i, 3] >= 0 else -1
        matrix = sum(sign * float(q[i, k]) * p.weight[k].detach() for k in range(4))
        torch.testing.assert_close(found[i], matrix @ z[i])


def test_it_starts_as_the_identity_where_nothing_turns_and_not_elsewhere() -> None:
    p, z = predictor(), some_z(3)
    torch.testing.assert_close(p(z, torch.eye(3).expand(3, 3, 3).double(), torch.zeros(3, 4)), z)
    turned = p(z, roma.rotvec_to_rotmat(torch.tensor([[1.0, 0, 0]] * 3)).double(), torch.zeros(3, 4))
    assert (turned - z).norm() > 0.1


def test_actions_without_a_rotation_are_refused() -> None:
    with pytest.raises(ValueError, match="carries no rotation"):
        predictor()(some_z(1), None, torch.zeros(1, 4))


def test_it_starts_near_the_identity() -> None:
    torch.manual_seed(0)
    weight = SIE(100).weight
    assert torch.equal(weight[3], torch.eye(100))
    assert weight[:3].std().item() == pytest.approx(0.1 / 100**0.5, rel=0.02), "z' = z + 10 % in the norm"
