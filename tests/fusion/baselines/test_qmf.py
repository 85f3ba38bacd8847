"""QMF: the sign of the energy, the ranking loss in loops, and its known faults."""

import math

import pytest
import torch

from smcrep.fusion.baselines.qmf import QMF, energy_confidence, ranking_loss
from smcrep.fusion.method import Decisions, FitSettings
from smcrep.transition import Beliefs

SMALL = FitSettings(width=4, heads=2)


def all_present(mean: torch.Tensor) -> Beliefs:
    return Beliefs(mean, torch.zeros_like(mean), torch.ones(mean.shape[:-1], dtype=torch.bool))


def plain(num_senses: int, dim: int) -> QMF:
    """Nothing shifted: the formula of the paper on the logits as they are."""
    method = QMF(num_senses, dim, SMALL)
    torch.nn.init.zeros_(method.shift.out.weight)
    torch.nn.init.zeros_(method.shift.out.bias)
    return method


def test_large_logits_are_sure() -> None:
    """The sign: a decision with one large logit has low energy, hence high confidence."""
    sure, unsure = energy_confidence(torch.tensor([[9.0, 0, 0], [1.0, 0, 0]]))
    assert sure > unsure
    assert sure.item() == pytest.approx(math.log(math.exp(9) + 2) / 10)


def test_fused_logits_by_hand() -> None:
    logits = torch.tensor([[[2.0, 0.0], [0.0, 1.0]]])
    c1, c2 = math.log(math.exp(2) + 1) / 10, math.log(1 + math.e) / 10
    expected = torch.tensor([[2 * c1, c2]]).log_softmax(-1)
    torch.testing.assert_close(plain(2, 3).decide(logits, all_present(torch.zeros(1, 2, 3))), expected)


def test_negative_energy_turns_a_decision_around() -> None:
    """Known fault: confidences are not normalised and may be negative."""
    logits = torch.tensor([[[-4.0, -5.0]]])
    out = plain(1, 3).decide(logits, all_present(torch.zeros(1, 1, 3)))
    assert out.argmax() == 1
    assert logits.argmax() == 0


def test_ranking_loss_in_loops() -> None:
    g = torch.Generator().manual_seed(0)
    confidence, past = torch.randn(9, generator=g), torch.rand(9, generator=g)
    counted = torch.rand(9, generator=g) < 0.8
    total, pairs = 0.0, 0
    for i in range(9):
        j = (i + 1) % 9
        if counted[i] and counted[j]:
            u_i, u_j = -confidence[i].item(), -confidence[j].item()
            k_i, k_j = past[i].item(), past[j].item()
            if k_i > k_j:  # i was more wrong, so its uncertainty must be larger, by k_i - k_j
                total += max(0.0, (u_j - u_i) + (k_i - k_j))
            else:
                total += max(0.0, (u_i - u_j) + (k_j - k_i))
            pairs += 1
    assert 0 < pairs < 9
    assert ranking_loss(confidence, past, counted).item() == pytest.approx(total / pairs)


def test_ranking_loss_is_zero_in_the_right_order_and_not_in_the_wrong() -> None:
    past, everyone = torch.tensor([0.0, 1.0]), torch.ones(2, dtype=torch.bool)
    assert ranking_loss(torch.tensor([2.0, 0.5]), past, everyone) == 0
    assert ranking_loss(torch.tensor([0.5, 2.0]), past, everyone).item() == pytest.approx(2.5)


def test_the_loss_is_the_sum_of_its_terms() -> None:
    """Two rows, one of them wronger in both senses, visited once: past losses scale to 0 and 1."""
    logits = torch.tensor([[[2.0, 0.0], [1.0, 0.0]], [[0.0, 2.0], [0.0, 1.0]]])
    data = Decisions(logits, all_present(torch.zeros(2, 2, 3)), torch.tensor([0, 0]), torch.tensor([0, 1]))
    method = plain(2, 3)
    method.prepare(data)
    loss = method.loss(data, 0.5, torch.Generator())
    c = [math.log(math.exp(2) + 1) / 10, math.log(math.e + 1) / 10]
    single = [(math.log(1 + math.exp(-v)) + math.log(1 + math.exp(v))) / 2 for v in (2.0, 1.0)]
    joint_margin = 2 * c[0] + c[1]
    joint = (math.log(1 + math.exp(-joint_margin)) + math.log(1 + math.exp(joint_margin))) / 2
    # Equal confidences: both pairs (0, 1) and (1, 0) miss the margin of 1, in each sense.
    assert loss.item() == pytest.approx(joint + sum(single) + 2.0)


def test_the_ranking_alone_teaches_the_shift() -> None:
    g = torch.Generator().manual_seed(0)
    logits, mean = torch.randn(6, 2, 3, generator=g), torch.randn(6, 2, 4, generator=g)
    data = Decisions(logits, all_present(mean), torch.randint(3, (6,), generator=g), torch.arange(6))
    method = QMF(2, 4, SMALL)
    method.prepare(data)
    method.loss(data, 0.0, g).backward()
    ranked = method.shift.hidden.weight.grad
    assert ranked is not None
    assert ranked.abs().sum() > 0
    cross_entropy = torch.nn.functional.cross_entropy(method.own_logits(logits, data.beliefs)[:, 0], data.label)
    (gradient,) = torch.autograd.grad(cross_entropy, method.shift.hidden.weight)
    assert gradient.abs().max() < 1e-6  # a shift of all classes changes no decision


def test_fused_cross_entropy_does_not_teach_confidence() -> None:
    """Confidences are constants in it: with one row, which is ranked against itself alone, nothing moves the shift."""
    g = torch.Generator().manual_seed(0)
    data = Decisions(
        torch.randn(1, 2, 3, generator=g), all_present(torch.ones(1, 2, 4)), torch.tensor([0]), torch.tensor([0])
    )
    method = QMF(2, 4, SMALL)
    method.prepare(data)
    method.loss(data, 0.0, g).backward()
    moved = method.shift.out.bias.grad
    assert moved is not None
    assert moved.abs().max() < 1e-6
