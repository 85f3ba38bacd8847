"""VICReg keeps the laws and equals the authors' terms written out, and lightly's loss."""

import math
from functools import partial

import pytest
import torch
from lightly.loss import VICRegLoss

from smcrep.objectives.vicreg import VICRegWeights, vicreg
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
    ],  # scale matters to it
)
def test_vicreg_laws(law) -> None:
    law(partial(vicreg, weights=VICRegWeights()))


def test_vicreg_equals_the_authors_terms_written_out() -> None:
    za, zb = laws.embeddings(n=7, d=4)
    n, d = za.shape
    parts = vicreg(za, zb, VICRegWeights()).parts
    assert float(parts["invariance"]) == pytest.approx(
        float(sum((za[i] - zb[i]).square().sum() for i in range(n)) / (n * d))
    )
    variance, covariance = 0.0, 0.0
    for z in (za, zb):
        mean = z.sum(0) / n
        for i in range(d):
            for j in range(d):
                c = float(sum((z[r, i] - mean[i]) * (z[r, j] - mean[j]) for r in range(n)) / (n - 1))
                if i == j:
                    variance += max(0.0, 1 - math.sqrt(c + 1e-4)) / d / 2
                else:
                    covariance += c**2 / d
    assert float(parts["variance"]) == pytest.approx(variance)
    assert float(parts["covariance"]) == pytest.approx(covariance)


def test_vicreg_equals_lightly() -> None:
    za, zb = laws.embeddings(n=16)
    torch.testing.assert_close(vicreg(0.5 * za, 0.5 * zb, VICRegWeights()).total, VICRegLoss()(0.5 * za, 0.5 * zb))


def test_vicreg_refuses_a_single_row() -> None:
    with pytest.raises(ValueError, match="n >= 2"):
        vicreg(torch.ones(1, 4), torch.ones(1, 4), VICRegWeights())
