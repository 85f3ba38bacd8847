"""VICReg keeps the laws and equals the authors' terms written out, and lightly's loss."""

import math
from functools import partial

import pytest
import torch
from lightly.loss import VICRegLoss

from smcrep.objectives.vicreg import VICRegWeights, vicreg
from tests import laws
from tests.objectives.observed import observed_batch, observed_by, small_model
from tests.training.synthetic import transition


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


@pytest.mark.parametrize("num_outcomes", [1, 3])
def test_loss_is_the_mean_over_senses_and_fused_of_each_view_with_the_next(num_outcomes: int) -> None:
    given, weights = observed_batch(5, num_outcomes), VICRegWeights()
    views, found, totals = num_outcomes + 1, weights.loss(given), []
    for name, z in given.latents().items():
        projected = given.project(z[..., : given.num_invariant])
        pairs = [(0, 1)] if views == 2 else [(i, (i + 1) % views) for i in range(views)]
        each = [vicreg(projected[:, i], projected[:, j], weights) for i, j in pairs]
        for part in ("invariance", "variance", "covariance"):
            mean = sum(float(loss.parts[part]) for loss in each) / len(each)
            assert float(found.parts[f"{part}/{name}"]) == pytest.approx(mean, rel=1e-5)
        totals.append(sum(loss.total.item() for loss in each) / len(each))
    assert len(totals) == 3
    assert found.total.item() == pytest.approx(sum(totals) / 3, rel=1e-5)


def test_nothing_is_predicted() -> None:
    model = small_model()
    VICRegWeights().loss(observed_by(model, transition(5, 3, seed=0))).total.backward()
    assert all(p.grad is None for p in (*model.predictors.parameters(), *model.action_encoder.parameters()))
    assert all(p.grad is not None for p in model.projector.parameters())
