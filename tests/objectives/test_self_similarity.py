"""The blocked sum equals the whole matrix in value and gradient, is as exact as it in float32, and holds no matrix."""

import pytest
import torch
from lightly.loss import NTXentLoss
from torch import Tensor
from torch.nn import functional as F

from smcrep.objectives import self_similarity
from smcrep.objectives.nt_xent import MIN_BLOCKED, nt_xent
from smcrep.objectives.self_similarity import others_logsumexp


def unit(n: int, d: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(n, d, generator=generator, dtype=torch.float64), dim=-1)


def whole(z: Tensor, temperature: float, num_things: int) -> Tensor:
    thing = torch.arange(len(z)) % num_things
    return (z @ z.T / temperature).masked_fill(thing[:, None] == thing, -torch.inf).logsumexp(1)


@pytest.mark.parametrize("block", [3, 4, 5, 16, 100])
@pytest.mark.parametrize("temperature", [0.03, 0.5])
@pytest.mark.parametrize("num_things", [4, 6, 11])
def test_blocks_of_any_size_equal_the_whole_matrix(
    block: int, temperature: float, num_things: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_similarity, "BLOCK", block)
    z, weight = unit(12, 4).requires_grad_(), torch.arange(12)
    found, expected = others_logsumexp(z, temperature, num_things), whole(z, temperature, num_things)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad((x * weight).sum(), z)[0] for x in (found, expected)]
    torch.testing.assert_close(*gradients)


def test_gradient_is_that_of_finite_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_similarity, "BLOCK", 3)
    assert torch.autograd.gradcheck(lambda z: others_logsumexp(z, 0.3, 4), unit(8, 3).requires_grad_())


def test_three_vectors_by_hand() -> None:
    """Cosines 0, -1 and 0 at temperature 1: log(e^0 + e^-1), log(2 e^0), log(e^-1 + e^0)."""
    z = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    assert others_logsumexp(z, 1.0, 3).tolist() == pytest.approx([0.3133, 0.6931, 0.3133], abs=1e-4)


@pytest.mark.parametrize("temperature", [0.1, 0.2, 0.5])
def test_blocked_nt_xent_equals_lightly_to_a_millionth(temperature: float) -> None:
    generator = torch.Generator().manual_seed(0)
    za = torch.randn(700, 128, generator=generator)
    views = [za, za + 0.5 * torch.randn(700, 128, generator=generator)]
    assert MIN_BLOCKED <= 1400
    gradients = []
    for loss, dtype in (
        (lambda a, b: nt_xent(a, b, temperature).total, torch.float32),
        (NTXentLoss(temperature), torch.float64),
    ):
        a, b = (x.to(dtype).requires_grad_() for x in views)
        gradients.append(torch.cat(torch.autograd.grad(loss(a, b), (a, b))).double())
    assert (gradients[0] - gradients[1]).norm() <= 1e-6 * gradients[1].norm()


def test_nothing_of_the_size_of_the_matrix_is_saved() -> None:
    sizes: list[int] = []

    def pack(x: Tensor) -> Tensor:
        sizes.append(x.numel())
        return x

    za = torch.randn(600, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        nt_xent(za, za, 0.2)
    assert sizes
    assert max(sizes) <= 1200 * 9


def test_low_temperatures_are_refused_in_blocks_and_exact_in_nt_xent() -> None:
    with pytest.raises(ValueError, match=r"temperature is 0.01; give at least 0.025"):
        others_logsumexp(unit(4, 3), 0.01, 2)
    z = unit(600, 8).float()
    assert nt_xent(z, z, 0.01).total.isfinite()
