"""CARE equals its sum in loops, is 0 for isometries and not for other maps, and refuses actions that differ."""

import pytest
import torch
from torch.nn import functional as F

from smcrep.objectives import CARE, CombinedWeights, NTXent
from smcrep.objectives.care import care
from smcrep.objectives.equivariance import Moved
from smcrep.testing.objectives import synthetic_observed
from tests import laws


def test_equals_the_sum_written_out() -> None:
    before, after = laws.embeddings(n=5, d=3)
    total = 0.0
    for i in range(5):
        for j in range(5):
            if i != j:
                cosines = [float(F.cosine_similarity(z[i], z[j], 0)) for z in (before, after)]
                total += 2 * (cosines[0] - cosines[1]) ** 2 / 5
    assert float(care(before, after).total) == pytest.approx(total)


def test_isometries_cost_nothing_and_a_shear_does() -> None:
    before, _ = laws.embeddings()
    turn = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)).Q
    assert float(care(before, before @ turn).total) == pytest.approx(0, abs=1e-20)
    assert float(care(before, before * torch.linspace(0.2, 3, 8)).total) > 0.1


def test_by_hand() -> None:
    """Two vectors at right angles that become equal: 2 * mean of (0 - 1)^2."""
    assert float(care(torch.eye(2), torch.ones(2, 2)).total) == pytest.approx(2)


def test_gradient_is_that_of_finite_differences() -> None:
    before, after = (x.clone().requires_grad_() for x in laws.embeddings(n=4, d=3))
    assert torch.autograd.gradcheck(lambda a, b: care(a, b).total, (before, after))


def test_actions_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="care: the states of a batch are acted on differently; draw one action"):
        CombinedWeights(NTXent(), CARE()).loss(synthetic_observed())


def test_each_branch_is_compared_with_before_and_weighted() -> None:
    given = synthetic_observed(same_actions=True)
    z = given.latents()["second"].detach()[..., 4:]
    wanted = 0.5 * sum(float(care(z[:, 0], z[:, j]).total) for j in (1, 2, 3)) / 3
    found = CombinedWeights(NTXent(), CARE(isometry=0.5)).loss(given)
    assert float(found.parts["equivariance/second"]) == pytest.approx(wanted)


def test_by_default_it_weighs_what_the_paper_gives_it_for_cifar_10() -> None:
    """Two vectors at right angles that become equal cost 2 by themselves, and .06 in the whole."""
    given = synthetic_observed(same_actions=True)
    moved = Moved(
        before=torch.eye(2), outcome=torch.ones(2, 3, 2), target_outcome=torch.ones(2, 3, 2),
        projected=torch.empty(0), action=torch.zeros(2, 3, 1), predict=lambda: torch.empty(0),
        roll_out=lambda steps: torch.empty(0), head=given.head,
    )  # fmt: skip
    assert float(CARE().loss(moved).total) == pytest.approx(0.06)
