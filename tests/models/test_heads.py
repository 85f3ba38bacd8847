"""Beliefs: unit norm for each part, division that commutes with rotations, bounded precision."""

import roma
import torch
from torch import nn

from smcrep.models import ModelConfig
from smcrep.models.heads import MAX_LOG_PRECISION, BeliefHead, projector, shift_precision
from smcrep.models.predictors import rotate

CONFIG = ModelConfig(trunk_dim=16, invariant_dim=8, num_vectors=1, num_tensors=1, projector_dim=5)


def test_each_part_has_unit_norm() -> None:
    mean, log_precision = BeliefHead(CONFIG)(torch.randn(6, 16), torch.randn(6, 16))
    assert mean.shape == log_precision.shape == (6, 20)
    for part in (mean[:, :8], mean[:, 8:]):
        torch.testing.assert_close(part.norm(dim=-1), torch.ones(6))


class Given(nn.Module):
    """In place of the equivariant layers: the first 12 numbers of the trunk."""

    def forward(self, trunk: torch.Tensor) -> torch.Tensor:
        return trunk[..., :12]


def test_normalisation_commutes_with_rotations_and_keeps_the_share_of_each_vector_and_tensor() -> None:
    head = BeliefHead(CONFIG)
    head.equivariant = Given()  # type: ignore[assignment]
    trunk = torch.randn(6, 16)
    trunk[:, :3] *= 5
    r = roma.random_rotmat(6)
    turned = torch.cat([rotate(trunk[:, :12], r, 1), trunk[:, 12:]], -1)
    mean = head(trunk, trunk)[0][:, 8:]
    torch.testing.assert_close(head(trunk, turned)[0][:, 8:], rotate(mean, r, 1))
    share = mean[:, :3].norm(dim=-1) / mean[:, 3:].norm(dim=-1)
    torch.testing.assert_close(share, trunk[:, :3].norm(dim=-1) / trunk[:, 3:12].norm(dim=-1))


def test_precisions_are_equal_at_first_and_bounded_one_for_each_number_vector_and_tensor() -> None:
    head, trunk = BeliefHead(CONFIG), torch.randn(6, 16)
    assert torch.equal(head(trunk, trunk)[1], torch.zeros(6, 20))
    with torch.no_grad():
        head.invariant_precision.weight.normal_(std=1000)
        head.equivariant_precision.weight.normal_()
    log_precision = head(trunk, trunk)[1]
    assert (log_precision.abs() <= MAX_LOG_PRECISION).all()
    assert len(log_precision[0, :8].unique()) > 1
    of_vector, of_tensor = log_precision[:, 8:11], log_precision[:, 11:]
    assert (of_vector == of_vector[:, :1]).all()
    assert (of_tensor == of_tensor[:, :1]).all()
    assert (of_vector[:, 0] != of_tensor[:, 0]).all()


def test_each_part_and_its_precision_read_its_own_features_alone() -> None:
    head, invariant, equivariant, other = BeliefHead(CONFIG), *torch.randn(3, 6, 16)
    with torch.no_grad():
        head.invariant_precision.weight.normal_()
        head.equivariant_precision.weight.normal_()
    believed, swapped = head(invariant, equivariant), (head(invariant, other), head(other, equivariant))
    for i in range(2):  # the mean, the precision
        torch.testing.assert_close(believed[i][:, :8], swapped[0][i][:, :8])
        torch.testing.assert_close(believed[i][:, 8:], swapped[1][i][:, 8:])
        assert not torch.allclose(believed[i][:, :8], swapped[1][i][:, :8])
        assert not torch.allclose(believed[i][:, 8:], swapped[0][i][:, 8:])


def test_shifted_precision_is_that_of_a_head_with_shifted_biases() -> None:
    shift = torch.linspace(-1.5, 2.0, 20)
    said = torch.linspace(-3, 3, 20)  # before the bound
    bounded, expected = (MAX_LOG_PRECISION * torch.tanh(x / MAX_LOG_PRECISION) for x in (said, said + shift))
    torch.testing.assert_close(shift_precision(bounded, shift), expected, atol=1e-4, rtol=1e-4)


def test_projector_shape() -> None:
    assert projector(CONFIG)(torch.randn(2, 3, 8)).shape == (2, 3, 5)
