"""The contrast equals a plain loop; a predictor blind to the action is held at the log k floor, a seeing one is not."""

import math
from functools import partial

import pytest
import torch
from torch.nn import functional as F

from smcrep.objectives.equivariant import equivariant_contrast
from smcrep.objectives.floor import action_blind_floor
from smcrep.objectives.pairs import all_pairs, star
from smcrep.transition import Loss
from tests import laws


def two_batches(predicted: torch.Tensor, outcome: torch.Tensor) -> Loss:
    rows = torch.arange(len(outcome))
    return equivariant_contrast(predicted, outcome, rows, torch.ones(len(rows), len(rows), dtype=torch.bool), 0.3)


@pytest.mark.parametrize(
    "law",
    [
        laws.finite_gradient,
        laws.ignores_batch_order,
        laws.ignores_scale,
        laws.punishes_constant,
        laws.prefers_agreement,
        laws.parts_are_detached,
    ],  # not symmetric: predictions are contrasted with outcomes, not the other way round
)
def test_laws(law) -> None:
    law(two_batches)


@pytest.mark.parametrize("same_state_negatives", [True, False])
def test_equals_the_sum_written_out(same_state_negatives: bool) -> None:
    pairs = all_pairs(3, 3, same_state_negatives=same_state_negatives)
    generator = torch.Generator().manual_seed(0)
    predicted, outcome = torch.randn(18, 5, generator=generator), torch.randn(9, 5, generator=generator)
    total = 0.0
    for i in range(18):
        scores = {
            j: float(F.cosine_similarity(predicted[i], outcome[j], 0)) / 0.1 for j in range(9) if pairs.allowed[i, j]
        }
        true = scores[int(pairs.positive[i])]
        total += math.log(sum(math.exp(s) for s in scores.values())) - true
    loss = equivariant_contrast(predicted, outcome, pairs.positive, pairs.allowed, 0.1)
    assert float(loss.total) == pytest.approx(total / 18, rel=1e-5)


@pytest.mark.parametrize("make", [all_pairs, star])
def test_ignoring_the_action_costs_log_k_and_only_with_same_state_negatives(make) -> None:
    """Embeddings that tell the states apart perfectly and nothing else: the invariant solution."""
    b, v = 6, 5
    outcome = torch.eye(b).repeat_interleave(v, 0)
    contrast = partial(equivariant_contrast, temperature=0.01)
    hard, easy = make(b, v), make(b, v, same_state_negatives=False)
    floor = action_blind_floor(hard.allowed, hard.same_state)
    assert float(floor) == pytest.approx(math.log(v - 1))
    assert float(action_blind_floor(easy.allowed, easy.same_state)) == 0
    blind = contrast(outcome[hard.source], outcome, hard.positive, hard.allowed)
    assert float(blind.total) == pytest.approx(math.log(v - 1), abs=1e-4)
    assert float(contrast(outcome[easy.source], outcome, easy.positive, easy.allowed).total) < 1e-4


def test_the_invariant_solution_is_no_minimiser() -> None:
    """From a blind start, gradient descent on free outcome embeddings and predictions leaves the floor."""
    pairs = all_pairs(4, 4)
    generator = torch.Generator().manual_seed(0)
    outcome = torch.eye(4).repeat_interleave(4, 0) + 0.01 * torch.randn(16, 4, generator=generator)
    outcome.requires_grad_()
    per_row = outcome.detach()[pairs.source].clone().requires_grad_()
    losses = []
    for _ in range(40):
        loss = equivariant_contrast(per_row, outcome, pairs.positive, pairs.allowed, 0.1).total
        losses.append(loss.item())
        for x, g in zip((outcome, per_row), torch.autograd.grad(loss, (outcome, per_row)), strict=True):
            x.data -= 10 * g
    assert losses[0] == pytest.approx(math.log(3), abs=0.1)
    assert losses[-1] < 0.2


def test_what_is_not_allowed_has_no_influence() -> None:
    pairs = all_pairs(2, 3)
    generator = torch.Generator().manual_seed(1)
    predicted, outcome = torch.randn(12, 4, generator=generator), torch.randn(6, 4, generator=generator)
    row = slice(0, 1)  # state 0, view 0 -> 1: its own source, observation 0, must not count
    changed = outcome.clone()
    changed[0] = predicted[0]
    same = [
        equivariant_contrast(predicted[row], o, pairs.positive[row], pairs.allowed[row], 0.1).total
        for o in (outcome, changed)
    ]
    assert same[0] == same[1]


def test_refuses_a_true_outcome_that_is_not_allowed_and_wrong_shapes() -> None:
    none = torch.zeros(2, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match="not among its allowed candidates"):
        equivariant_contrast(torch.ones(2, 4), torch.ones(3, 4), torch.tensor([0, 1]), none, 0.1)
    with pytest.raises(ValueError, match=r"a mask \(2, 3\)"):
        equivariant_contrast(torch.ones(2, 4), torch.ones(5, 4), torch.tensor([0, 1]), none, 0.1)
