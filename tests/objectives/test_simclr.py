"""SimCLR is NT-Xent on all views of a state, by each sense and fused, and predicts nothing."""

import pytest

from smcrep.objectives.nt_xent import nt_xent
from smcrep.objectives.simclr import SimCLRWeights
from tests.objectives.observed import observed_by, small_model
from tests.training.synthetic import transition


def test_two_views_give_nt_xent_of_each_sense_and_the_fused() -> None:
    model, batch, weights = small_model(), transition(5, 1, seed=0), SimCLRWeights(temperature=0.2)
    found = weights.loss(observed_by(model, batch))
    embedding, totals = model(batch.observations.flatten()), []
    for sense in ("fused", "rgb", "points"):
        z = model.project(embedding.invariant(sense)).unflatten(0, (5, 2))
        totals.append(nt_xent(z[:, 0], z[:, 1], 0.2).total.item())
        assert found.parts[f"instance_contrast/{sense}"].item() == pytest.approx(totals[-1], rel=1e-5)
    assert found.total.item() == pytest.approx(sum(totals) / 3, rel=1e-5)
    assert len(found.parts) == 3


def test_nothing_is_predicted_and_the_projector_learns() -> None:
    model = small_model()
    SimCLRWeights().loss(observed_by(model, transition(5, 3, seed=0))).total.backward()
    assert all(p.grad is None for p in (*model.predictors.parameters(), *model.action_encoder.parameters()))
    assert all(p.grad is not None for p in model.projector.parameters())
