"""EquiMod equals the paper's sum written out, and leaves the invariant solution above its floor."""

import math

import pytest
import torch

from smcrep.objectives.equimod import EquiModWeights, equimod


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
