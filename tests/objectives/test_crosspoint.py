"""CrossPoint is NT-Xent within a sense and of the mean of two views across senses."""

import math

import pytest
import torch
from lightly.loss import NTXentLoss

from smcrep.objectives.crosspoint import CrossPointWeights, crosspoint
from smcrep.testing import assert_objective_laws
from smcrep.testing.objectives import synthetic_observed
from tests import laws


def test_equals_the_two_terms_by_lightly() -> None:
    (first, second), (other, _) = laws.embeddings(n=9), laws.embeddings(n=9, seed=3)
    theirs = NTXentLoss(temperature=0.2)
    wanted = theirs(first, second) + theirs(0.5 * (first + second), other)
    torch.testing.assert_close(crosspoint(first, second, other, 0.2).total, wanted)


def test_the_mean_is_of_the_embeddings_as_they_come() -> None:
    """A long and a short vector: their mean points along the long one, the mean of directions would not."""
    first, second = 9 * torch.eye(2), torch.eye(2).flip(0)
    found = crosspoint(first, second, torch.eye(2), 0.1)
    assert float(found.parts["across"]) < 0.01


def test_collapse_reads_two_logs() -> None:
    assert_objective_laws(CrossPointWeights(), at_constant=2 * math.log(9))


def test_gradient_is_that_of_finite_differences() -> None:
    tensors = [x.clone().requires_grad_() for x in (*laws.embeddings(n=3, d=3), laws.embeddings(n=3, d=3, seed=1)[0])]
    assert torch.autograd.gradcheck(lambda *x: crosspoint(*x, 0.3).total, tensors)


def test_objective_takes_every_ordered_pair_of_senses_and_the_next_view() -> None:
    given = synthetic_observed()
    z = {sense: given.project(given.latents()[sense].detach()[..., :4]) for sense in ("first", "second")}
    found = CrossPointWeights(temperature=0.3).loss(given)
    for a, b in (("first", "second"), ("second", "first")):
        each = [float(crosspoint(z[a][:, i], z[a][:, (i + 1) % 4], z[b][:, i], 0.3).total) for i in range(4)]
        assert float(found.parts[f"crosspoint/{a}>{b}"]) == pytest.approx(sum(each) / 4)
