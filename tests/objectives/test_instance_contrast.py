"""Against loops, against NT-Xent where both are one, and where the answer is known."""

import math

import pytest
import torch
from lightly.loss import NTXentLoss
from torch import Tensor
from torch.nn import functional as F

from smcrep.objectives.instance_contrast import instance_contrast
from smcrep.objectives.processes import Processes

B, V, D = 4, 3, 5


def random(seed: int, views: int = V) -> Tensor:
    return torch.randn(B, views, D, generator=torch.Generator().manual_seed(seed))


def everywhere(views: int = V) -> Tensor:
    return torch.ones(B, views, dtype=torch.bool)


def value(z: Tensor, present: Tensor, temperature: float = 0.1) -> float:
    found = instance_contrast(z, present, temperature)
    assert found is not None
    return float(found.total)


def by_loops(z: Tensor, present: Tensor, temperature: float) -> float:
    def exp(a: Tensor, b: Tensor) -> float:
        return math.exp(float(F.cosine_similarity(a, b, dim=0)) / temperature)

    terms = []
    for s in range(B):
        others = [(t, n) for t in range(B) for n in range(V) if t != s and present[t, n]]
        for i in range(V):
            for j in range(V):
                if i != j and present[s, i] and present[s, j]:
                    positive = exp(z[s, i], z[s, j])
                    negative = sum(exp(z[s, i], z[t, n]) for t, n in others)
                    terms.append(-math.log(positive / (positive + negative)))
    return sum(terms) / len(terms)


def test_equals_the_sum_in_loops() -> None:
    present = everywhere()
    present[1, 2] = present[3, 0] = False
    assert value(random(0), present, 0.3) == pytest.approx(by_loops(random(0), present, 0.3), rel=1e-5)


def test_of_two_views_it_is_nt_xent() -> None:
    z = random(2, views=2)
    theirs = NTXentLoss(temperature=0.2)(z[:, 0], z[:, 1])
    assert value(z, everywhere(2), 0.2) == pytest.approx(float(theirs), rel=1e-5)


def test_rows_of_other_processes_are_negatives_and_no_anchors() -> None:
    """Two processes in one: each gathers what both hold. The mean of their losses is the loss of the whole batch."""
    z, present = random(5), everywhere()
    present[2, 1] = False
    halves = []
    for rank in range(2):
        own = slice(rank * B // 2, (rank + 1) * B // 2)
        whole = {D: F.normalize(z.flatten(0, 1), dim=-1)}

        def gather(x: Tensor, whole: dict[int, Tensor] = whole) -> Tensor:
            return whole[D] if x.ndim == 2 else present.flatten()

        found = instance_contrast(z[own], present[own], 0.1, processes=Processes(gather, rank))
        assert found is not None
        halves.append((float(found.total), int((present[own].sum(1) * (present[own].sum(1) - 1)).sum())))
    mean = sum(total * pairs for total, pairs in halves) / sum(pairs for _, pairs in halves)
    assert mean == pytest.approx(value(z, present), rel=1e-5)


def test_constant_embeddings_give_log_of_the_candidates_and_planted_ones_zero() -> None:
    assert value(torch.ones(B, V, D), everywhere()) == pytest.approx(math.log(1 + (B - 1) * V), rel=1e-5)
    assert value(torch.eye(B)[:, None].expand(B, V, B), everywhere(), 0.02) < 1e-6


def test_absent_observations_have_no_influence() -> None:
    z, present = random(3), everywhere()
    present[1, 2] = present[2, 0] = False
    changed = torch.where(present[..., None], z, random(4)).requires_grad_()
    found = instance_contrast(changed, present, 0.1)
    assert found is not None
    assert found.total.item() == pytest.approx(value(z, present), rel=1e-6)
    (gradient,) = torch.autograd.grad(found.total, changed)
    assert not gradient[~present].any()
    assert gradient.isfinite().all()


def test_batch_without_a_pair_gives_none() -> None:
    z, nobody = random(0), torch.zeros(B, V, dtype=torch.bool)
    assert instance_contrast(z, nobody, 0.1) is None
    assert instance_contrast(z[:1], everywhere()[:1], 0.1) is None


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match="give them as"):
        instance_contrast(random(0), everywhere()[:2], 0.1)
