"""EquiMod equals the paper's sum written out, and leaves the invariant solution above its floor."""

import math

import pytest
import torch

from smcrep.objectives.equimod import EquiModWeights, equimod
from smcrep.objectives.nt_xent import nt_xent
from tests.objectives.observed import observed_batch, observed_by, small_model
from tests.training.synthetic import transition


def views(seed: int = 0) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    shapes = ((6, 5), (6, 5), (6, 4), (6, 2, 4), (6, 2, 4))
    return tuple(torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)


def test_equimod_equals_the_papers_sum_written_out() -> None:
    za, zb, before, outcome, predicted = views()

    def row_loss(rows: list[torch.Tensor], i: int, positive: int, temperature: float) -> float:
        unit = [r / r.norm() for r in rows]
        scores = [math.exp(float(unit[i] @ u) / temperature) for u in unit]
        return -math.log(scores[positive] / (sum(scores) - scores[i]))

    z_rows = [*za, *zb]
    wanted = sum(row_loss(z_rows, i, (i + 6) % 12, 0.5) for i in range(12)) / 12
    y_rows = [
        *(outcome[i, k] for i in range(6) for k in range(2)),
        *(predicted[i, k] for i in range(6) for k in range(2)),
    ]
    wanted += 3 * sum(row_loss(y_rows, i, (i + 12) % 24, 0.2) for i in range(24)) / 24
    loss = equimod(za, zb, before, outcome, predicted, EquiModWeights(equivariance=3))
    assert float(loss.total) == pytest.approx(wanted)


def test_equimod_gain_is_above_zero_only_where_the_predictor_beats_the_identity() -> None:
    za, zb, before, outcome, _ = views()
    stay = before[:, None].expand_as(outcome)
    assert float(equimod(za, zb, before, outcome, stay, EquiModWeights()).parts["gain"]) == pytest.approx(0)
    assert float(equimod(za, zb, before, outcome, outcome, EquiModWeights()).parts["gain"]) > 0.5


def test_equimod_keeps_the_invariant_solution_above_log_v() -> None:
    """Embeddings that tell images apart and not views, with a predictor that stays: at least log 2 remains."""
    image = torch.eye(8)
    outcome = image[:, None].expand(8, 2, 8)
    loss = equimod(image, image, image, outcome, outcome, EquiModWeights(equivariant_temperature=0.01))
    assert float(loss.parts["equivariance"]) == pytest.approx(math.log(3), abs=1e-4)  # the identity predictor's floor


def test_loss_takes_the_view_before_and_two_outcomes() -> None:
    model, batch, weights = small_model("equimod"), transition(4, 3, seed=1), EquiModWeights()
    found = weights.loss(observed_by(model, batch))
    embedding, totals = model(batch.observations.flatten()), []
    assert batch.physics is not None
    condition = model.condition(batch.action[:, :2], batch.physics[:, :2])
    for sense in ("rgb", "points", "fused"):
        y = embedding.equivariant(sense).unflatten(0, (4, 4))
        z = model.project(embedding.invariant(sense)).unflatten(0, (4, 4))
        displaced = model.predict(sense, y[:, :1].expand(-1, 2, -1), condition).flatten(0, 1)
        invariance = nt_xent(z[:, 1], z[:, 2], weights.invariant_temperature).total.item()
        equivariance = nt_xent(y[:, 1:3].flatten(0, 1), displaced, weights.equivariant_temperature).total.item()
        assert found.parts[f"invariance/{sense}"].item() == pytest.approx(invariance, rel=1e-5)
        assert found.parts[f"equivariance/{sense}"].item() == pytest.approx(equivariance, rel=1e-5)
        totals.append(invariance + equivariance)
    assert found.total.item() == pytest.approx(sum(totals) / 3, rel=1e-5)


def test_predictors_and_projector_learn() -> None:
    model = small_model("equimod")
    EquiModWeights().loss(observed_by(model, transition(5, 3, seed=0))).total.backward()
    for p in (*model.predictors.parameters(), *model.projector.parameters()):
        assert p.grad is not None
        assert p.grad.any()


def test_single_outcome_is_refused() -> None:
    with pytest.raises(ValueError, match="equimod: 1 outcome a state; two are needed, raise num_branches"):
        EquiModWeights().loss(observed_batch(4, 1))
