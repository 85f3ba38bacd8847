"""Against loops, against NT-Xent where both are one, and where the answer is known."""

import math

import pytest
import torch
from lightly.loss import NTXentLoss
from torch import Tensor
from torch.nn import functional as F

from smcrep.objectives.instance_contrast import instance_contrast

B, V, D = 4, 3, 5


def random(seed: int, views: int = V) -> Tensor:
    return torch.randn(B, views, D, generator=torch.Generator().manual_seed(seed))


def everywhere(views: int = V) -> Tensor:
    return torch.ones(B, views, dtype=torch.bool)


def value(za: Tensor, zb: Tensor, pa: Tensor, pb: Tensor, temperature: float = 0.1) -> float:
    found = instance_contrast(za, zb, pa, pb, temperature)
    assert found is not None
    return float(found.total)


def by_loops(za: Tensor, zb: Tensor, pa: Tensor, pb: Tensor, temperature: float) -> float:
    terms = []
    for s in range(B):
        for i in range(V):
            for j in range(V):
                if (za is zb and i == j) or not (pa[s, i] and pb[s, j]):
                    continue
                positive = float(F.cosine_similarity(za[s, i], zb[s, j], dim=0)) / temperature
                others = [
                    float(F.cosine_similarity(za[s, i], zb[t, n], dim=0)) / temperature
                    for t in range(B)
                    for n in range(V)
                    if t != s and pb[t, n]
                ]
                terms.append(-math.log(math.exp(positive) / (math.exp(positive) + sum(map(math.exp, others)))))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("same", [True, False])
def test_the_sum_in_loops(same: bool) -> None:
    za = random(0)
    zb = za if same else random(1)
    pa, pb = everywhere(), everywhere()
    pa[1, 2] = pa[3, 0] = pb[0, 1] = False
    pb = pa if same else pb
    assert value(za, zb, pa, pb, 0.3) == pytest.approx(by_loops(za, zb, pa, pb, 0.3), rel=1e-5)


def test_of_two_views_it_is_nt_xent() -> None:
    z = random(2, views=2)
    theirs = NTXentLoss(temperature=0.2)(z[:, 0], z[:, 1])
    assert value(z, z, everywhere(2), everywhere(2), 0.2) == pytest.approx(float(theirs), rel=1e-5)


def test_constant_embeddings_give_what_is_said_and_planted_ones_nothing() -> None:
    assert value(torch.ones(B, V, D), random(0) * 0 + 1, everywhere(), everywhere()) == pytest.approx(
        math.log(1 + (B - 1) * V), rel=1e-5
    )
    planted = torch.eye(B)[:, None].expand(B, V, B)
    assert value(planted, planted, everywhere(), everywhere(), 0.02) < 1e-6


def test_who_is_absent_has_no_influence() -> None:
    z, present = random(3), everywhere()
    present[1, 2] = present[2, 0] = False
    changed = torch.where(present[..., None], z, random(4)).requires_grad_()
    found = instance_contrast(changed, changed, present, present, 0.1)
    assert found is not None
    assert found.total.item() == pytest.approx(value(z, z, present, present), rel=1e-6)
    (gradient,) = torch.autograd.grad(found.total, changed)
    assert not gradient[~present].any()
    assert gradient.isfinite().all()


def test_without_a_pair_there_is_nothing_to_say() -> None:
    z, nobody = random(0), torch.zeros(B, V, dtype=torch.bool)
    assert instance_contrast(z, z, nobody, nobody, 0.1) is None
    assert instance_contrast(z[:1], z[:1], everywhere()[:1], everywhere()[:1], 0.1) is None


def test_shapes_are_named() -> None:
    with pytest.raises(ValueError, match="give both as"):
        instance_contrast(random(0), random(0)[:2], everywhere(), everywhere(), 0.1)
