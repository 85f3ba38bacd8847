"""NT-Xent keeps the laws, equals a plain loop and lightly's loss, and reads log(2n - 1) at collapse."""

import math
from functools import partial

import pytest
import torch
from lightly.loss import NTXentLoss

from smcrep.objectives.nt_xent import nt_xent
from tests import laws


@pytest.mark.parametrize(
    "law",
    [
        laws.finite_gradient,
        laws.ignores_batch_order,
        laws.symmetric,
        laws.ignores_scale,
        laws.ignores_rotation,
        laws.punishes_constant,
        laws.prefers_agreement,
        laws.parts_are_detached,
    ],
)
def test_laws(law) -> None:
    law(partial(nt_xent, temperature=0.3))


def test_equals_the_sum_written_out() -> None:
    za, zb = laws.embeddings(n=5)
    rows = [row / row.norm() for row in (*za, *zb)]
    total = 0.0
    for i in range(10):
        scores = {j: math.exp(float(rows[i] @ rows[j]) / 0.2) for j in range(10) if j != i}
        total -= math.log(scores[(i + 5) % 10] / sum(scores.values()))
    assert float(nt_xent(za, zb, 0.2).total) == pytest.approx(total / 10, rel=1e-9)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_equals_lightly(temperature: float) -> None:
    za, zb = laws.embeddings(n=20)
    theirs = NTXentLoss(temperature=temperature)(za, zb)
    torch.testing.assert_close(nt_xent(za, zb, temperature).total, theirs)


def test_collapse_reads_log_of_the_candidates() -> None:
    constant = torch.ones(6, 4)
    assert float(nt_xent(constant, constant, 0.2).total) == pytest.approx(math.log(11), abs=1e-5)


def test_refuses_batches_of_different_shape() -> None:
    with pytest.raises(ValueError, match=r"za is \(4, 3\) and zb \(5, 3\)"):
        nt_xent(torch.ones(4, 3), torch.ones(5, 3), 0.2)
