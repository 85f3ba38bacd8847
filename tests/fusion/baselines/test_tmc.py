"""TMC: Dempster's rule in loops, its loss against torch's Dirichlet, and conflict that is divided away."""

import math

import pytest
import torch
from torch.distributions import Dirichlet, kl_divergence

from smcrep.fusion.baselines.tmc import TMC, combine, dirichlet_kl_to_uniform, evidential_loss, uncertainty
from smcrep.fusion.method import Decisions, FitSettings
from smcrep.transition import Beliefs


def dempster(alpha_1: list[float], alpha_2: list[float]) -> list[float]:
    """The paper's rule as it is written: beliefs, conflict, normalisation, and back."""
    k = len(alpha_1)
    s_1, s_2 = sum(alpha_1), sum(alpha_2)
    b_1, b_2 = [(a - 1) / s_1 for a in alpha_1], [(a - 1) / s_2 for a in alpha_2]
    u_1, u_2 = k / s_1, k / s_2
    conflict = sum(b_1[i] * b_2[j] for i in range(k) for j in range(k) if i != j)
    b = [(b_1[i] * b_2[i] + b_1[i] * u_2 + b_2[i] * u_1) / (1 - conflict) for i in range(k)]
    s = k / (u_1 * u_2 / (1 - conflict))
    return [x * s + 1 for x in b]


def test_combine_is_dempsters_rule() -> None:
    g = torch.Generator().manual_seed(0)
    first, second = 1 + 20 * torch.rand(2, 30, 4, generator=g, dtype=torch.float64)
    for i in range(30):
        assert combine(first, second)[i].tolist() == pytest.approx(dempster(first[i].tolist(), second[i].tolist()))


def test_combine_by_hand() -> None:
    """Evidence (4, 0) and (2, 2) of two classes: (4 + 2 + 8/2, 0 + 2 + 0)."""
    assert combine(torch.tensor([5.0, 1.0]), torch.tensor([3.0, 3.0])).tolist() == [11, 3]


def test_a_sense_without_evidence_changes_nothing() -> None:
    alpha = torch.tensor([5.0, 2.0, 1.0])
    assert torch.equal(combine(alpha, torch.ones(3)), alpha)


def test_conflict_makes_it_surer() -> None:
    """Known fault: u <= min(u1, u2) always, even where two sure senses contradict each other."""
    g = torch.Generator().manual_seed(0)
    first, second = 1 + 50 * torch.rand(2, 200, 4, generator=g) ** 4
    together = uncertainty(combine(first, second))
    assert (together <= torch.minimum(uncertainty(first), uncertainty(second))).all()
    yes, no = torch.tensor([21.0, 1.0]), torch.tensor([1.0, 21.0])
    assert uncertainty(yes).item() == pytest.approx(1 / 11)
    assert uncertainty(combine(yes, no)).item() == pytest.approx(1 / 21)


def test_the_penalty_is_torchs_divergence() -> None:
    alpha = 0.5 + 5 * torch.rand(9, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = kl_divergence(Dirichlet(alpha), Dirichlet(torch.ones_like(alpha)))
    torch.testing.assert_close(dirichlet_kl_to_uniform(alpha), expected)


def test_the_loss_is_an_expected_cross_entropy() -> None:
    """By sampling: E[-log p_y] under the Dirichlet; and the penalty spares the evidence of the true class."""
    alpha, label = torch.tensor([[4.0, 2.0, 1.5]]), torch.tensor([1])
    g = torch.Generator().manual_seed(0)
    gamma = torch._standard_gamma(alpha.expand(200_000, 3), generator=g)
    sampled = -(gamma[:, 1] / gamma.sum(-1)).log().mean().item()
    assert evidential_loss(alpha, label, 0.0).item() == pytest.approx(sampled, abs=0.01)
    penalty = kl_divergence(Dirichlet(torch.tensor([4.0, 1.0, 1.5])), Dirichlet(torch.ones(3))).item()
    both = evidential_loss(alpha, label, 0.5).item()
    assert both == pytest.approx(evidential_loss(alpha, label, 0.0).item() + 0.5 * penalty, rel=1e-5)


def plain() -> TMC:
    method = TMC(2, 3, FitSettings(width=4))
    torch.nn.init.zeros_(method.shift.out.weight)
    torch.nn.init.zeros_(method.shift.out.bias)
    return method


def test_decision_and_loss_by_hand() -> None:
    logits = torch.tensor([[[2.0, 0.0], [-1.0, 1.0]]])
    beliefs = Beliefs(torch.zeros(1, 2, 3), torch.zeros(1, 2, 1), torch.ones(1, 2, dtype=torch.bool))
    e = [[math.log(1 + math.exp(v)) for v in row] for row in logits[0].tolist()]
    fused = dempster([x + 1 for x in e[0]], [x + 1 for x in e[1]])
    out = plain().decide(logits, beliefs)
    assert out.exp()[0].tolist() == pytest.approx([a / sum(fused) for a in fused])
    data = Decisions(logits, beliefs, torch.tensor([0]), torch.tensor([0]))
    each = [torch.tensor([fused]), 1 + torch.tensor([e[0]]), 1 + torch.tensor([e[1]])]
    expected = sum(evidential_loss(alpha, data.label, 0.3).item() for alpha in each)
    assert plain().loss(data, 0.3, torch.Generator()).item() == pytest.approx(expected, rel=1e-5)
