"""BYOL equals the paper's squared distances on the sphere, gives its targets no gradient, and reads 0 at collapse."""

import math

import pytest
import torch

from smcrep.objectives.byol import byol, cosine_distance
from tests import laws


def test_equals_the_squared_distance_of_unit_vectors_written_out() -> None:
    (qa, qb), (ta, tb) = laws.embeddings(n=5, d=3), laws.embeddings(n=5, d=3, seed=1)
    total = 0.0
    for q, t in ((qa, tb), (qb, ta)):  # each view predicts the other one's target
        for i in range(5):
            total += sum(float(a / q[i].norm() - b / t[i].norm()) ** 2 for a, b in zip(q[i], t[i], strict=True)) / 5
    assert float(byol(qa, qb, ta, tb).total) == pytest.approx(total)


def test_by_hand() -> None:
    """At right angles 2, opposite 4, at 60 degrees 1."""
    x = torch.tensor([[1.0, 0.0]])
    assert float(cosine_distance(x, torch.tensor([[0.0, 7.0]]))) == pytest.approx(2)
    assert float(cosine_distance(x, -3 * x)) == pytest.approx(4)
    assert float(cosine_distance(x, torch.tensor([[0.5, math.sqrt(0.75)]]))) == pytest.approx(1)


def test_targets_get_no_gradient_and_predictions_that_of_finite_differences() -> None:
    (qa, qb), targets = laws.embeddings(n=4, d=3), laws.embeddings(n=4, d=3, seed=1)
    leaves = [x.requires_grad_() for x in targets]
    total = byol(qa.requires_grad_(), qb.requires_grad_(), *leaves).total
    total.backward()
    assert all(x.grad is None for x in leaves)
    assert torch.autograd.gradcheck(lambda a, b: byol(a, b, *targets).total, (qa, qb))


def test_equal_constants_read_0() -> None:
    x = torch.ones(4, 3)
    assert float(byol(x, x, 2 * x, x).total) == pytest.approx(0, abs=1e-6)
