"""Barlow Twins keeps the laws, equals the paper's sum in loops and lightly's loss, and reads d at collapse."""

import math
from functools import partial

import pytest
import torch
from lightly.loss import BarlowTwinsLoss

from smcrep.objectives.barlow_twins import barlow_twins
from tests import laws


@pytest.mark.parametrize(
    "law",
    [
        laws.finite_gradient,
        laws.ignores_batch_order,
        laws.symmetric,
        laws.punishes_constant,
        laws.prefers_agreement,
        laws.parts_are_detached,
    ],  # axes have names to it
)
def test_laws(law) -> None:
    law(partial(barlow_twins, redundancy=5e-3))


def test_equals_the_sum_written_out() -> None:
    za, zb = laws.embeddings(n=7, d=3)
    total = 0.0
    for i in range(3):
        for j in range(3):
            a, b = [float(x) for x in za[:, i] - za[:, i].mean()], [float(x) for x in zb[:, j] - zb[:, j].mean()]
            norm = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
            correlation = sum(x * y for x, y in zip(a, b, strict=True)) / norm
            total += (1 - correlation) ** 2 if i == j else 0.1 * correlation**2
    assert float(barlow_twins(za, zb, 0.1).total) == pytest.approx(total, rel=1e-4)  # the paper has no eps


def test_equals_lightly() -> None:
    za, zb = laws.embeddings(n=16)
    torch.testing.assert_close(barlow_twins(za, zb, 0.02).total, BarlowTwinsLoss(lambda_param=0.02)(za, zb))


def test_by_hand() -> None:
    """Numbers of correlation 1 and -1 with their twins, and 0 across: (1 - 1)^2 + (1 + 1)^2."""
    za = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    assert float(barlow_twins(za, za * torch.tensor([1.0, -1]), 0.5).total) == pytest.approx(4, abs=1e-3)
    both = za[:, [0, 0]]  # one number twice: all four correlations are 1
    assert float(barlow_twins(both, both, 0.5).total) == pytest.approx(0.5 * 2, abs=1e-3)


def test_collapse_reads_the_number_of_dimensions() -> None:
    assert float(barlow_twins(torch.ones(6, 4), torch.ones(6, 4), 0.02).total) == pytest.approx(4)


def test_gradient_is_that_of_finite_differences() -> None:
    za, zb = laws.embeddings(n=5, d=3)
    assert torch.autograd.gradcheck(
        lambda a, b: barlow_twins(a, b, 0.1).total, (za.requires_grad_(), zb.clone().requires_grad_())
    )


def test_refuses_a_single_row() -> None:
    with pytest.raises(ValueError, match="n >= 2"):
        barlow_twins(torch.ones(1, 4), torch.ones(1, 4), 0.1)
