"""Curricula against collapse: each by its own formula in plain loops, and by what it must never do."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from smcrep.training.curricula import (
    BestSnapshot,
    coefficients,
    from_interventions,
    kept,
    same_state_contrast,
    warm_up,
    with_noise,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_warm_up_is_straight_and_then_one() -> None:
    assert [warm_up(x, 0.4) for x in (0.0, 0.1, 0.4, 1.0)] == [0.0, 0.25, 1.0, 1.0]
    assert warm_up(0.0, 0.0) == 1.0
    with pytest.raises(ValueError, match=r"share is 1\.5; give a share"):
        warm_up(0.1, 1.5)


def test_suspects_are_never_hidden_and_others_at_the_rate() -> None:
    suspects = torch.tensor([False, True, False])
    stay = kept(torch.tensor([0.0, 0.3, 1.0]), suspects, 4000, seeded())
    assert stay[..., 1].all()
    hidden = 1 - stay[..., [0, 2]].float().mean(1)
    assert hidden.tolist() == [[0, 0], pytest.approx([0.3, 0.3], abs=0.03), [1, 1]]


def test_a_row_without_suspects_never_loses_all() -> None:
    stay = kept(torch.tensor(0.5), torch.zeros(2, dtype=torch.bool), 4000, seeded())
    assert stay.any(-1).all()
    assert 1 - stay.float().mean() == pytest.approx(
        0.25, abs=0.02
    )  # a half each, less the quarter that would lose both
    assert kept(torch.tensor(1.0), torch.zeros(2, dtype=torch.bool), 5, seeded()).all()
    with pytest.raises(ValueError, match="rates from 2 to 2; give shares"):
        kept(torch.tensor(2.0), torch.zeros(2, dtype=torch.bool), 5, seeded())


def test_only_the_signal_that_is_ahead_is_turned_down() -> None:
    k = coefficients(torch.tensor([[0.6, 0.3], [0.2, 0.2]]), 0.5)
    assert k[0].tolist() == pytest.approx([1 - math.tanh(0.5 * 2), 1.0])
    assert k[1].tolist() == [1.0, 1.0]
    four = [0.1, 0.2, 0.3, 0.4]
    loops = []
    for i, own in enumerate(four):
        others = sum(q for j, q in enumerate(four) if j != i) / 3
        loops.append(1 - math.tanh(0.3 * own / others) if own > others else 1.0)
    assert coefficients(torch.tensor(four), 0.3).tolist() == pytest.approx(loops)


def test_noise_has_the_deviation_of_the_gradient_of_each_model() -> None:
    gradient = torch.randn(2, 300, 100, generator=seeded()) * torch.tensor([1.0, 5.0]).view(2, 1, 1)
    noise = with_noise(gradient, (-2, -1), seeded(1)) - gradient
    assert noise.std((1, 2)).tolist() == pytest.approx([1.0, 5.0], rel=0.02)
    assert abs(np.corrcoef(noise.flatten(), gradient.flatten())[0, 1]) < 0.01


def test_rows_from_interventions_come_at_their_share() -> None:
    chosen = from_interventions(torch.tensor([0.0, 0.25, 1.0]), 4000, seeded())
    assert chosen.float().mean(1).tolist() == pytest.approx([0, 0.25, 1], abs=0.02)
    with pytest.raises(ValueError, match="shares from -1 to -1"):
        from_interventions(torch.tensor([-1.0]), 4, seeded())


def test_same_state_contrast_is_the_cross_entropy_and_costs_log_k_without_the_signal() -> None:
    scores = torch.randn(50, 4, generator=seeded())
    expected = F.cross_entropy(scores / 0.2, torch.zeros(50, dtype=torch.long), reduction="none")
    assert torch.allclose(same_state_contrast(scores, 0.2), expected)
    assert same_state_contrast(torch.zeros(3, 5), 0.2).tolist() == pytest.approx([math.log(5)] * 3)


def test_weights_of_the_best_look_come_back() -> None:
    kept_weights = BestSnapshot(smooth=2)
    weights = {"w": torch.zeros(2)}
    for step, use in enumerate([0.1, 0.9, 0.2, 0.8, 0.8, 0.0]):  # means of two looks: .1 .5 .55 .5 .8 .4
        weights["w"].fill_(float(step))
        kept_weights.look(step, use, weights)
    assert kept_weights.restore(weights) == 4
    assert weights["w"].tolist() == [4.0, 4.0]
    with pytest.raises(ValueError, match="nothing was kept yet; call look"):
        BestSnapshot().restore(weights)
    single = BestSnapshot(smooth=1)
    for step, use in enumerate([0.1, 0.9, 0.2]):
        single.look(step, use, weights)
    assert (single.step, single.best) == (1, 0.9)
