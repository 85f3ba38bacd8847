"""SIE equals the authors' terms in loops; beside the agreement of the invariant parts it is their whole loss."""

import math

import pytest
import torch

from smcrep.objectives import CombinedWeights, VICReg
from smcrep.objectives.sie import SIE, sie
from smcrep.testing.objectives import synthetic_observed

N, DI, DE = 6, 2, 3


def given() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((N, DI + DE), (N, DI + DE), (N, DE))
    return [0.6 * torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def covariance(x: torch.Tensor, i: int, j: int) -> float:
    a, b = ([float(v) for v in x[:, k]] for k in (i, j))
    return sum((u - sum(a) / N) * (v - sum(b) / N) for u, v in zip(a, b, strict=True)) / (N - 1)


def test_equals_the_authors_terms_written_out() -> None:
    before, outcome, predicted = given()
    prediction = sum(float(predicted[i, j] - outcome[i, DI + j]) ** 2 for i in range(N) for j in range(DE)) / (N * DE)
    hinge, off = 0.0, 0.0
    for x in (before, outcome, predicted):
        d = x.shape[1]
        hinge += sum(max(0.0, 1 - math.sqrt(covariance(x, j, j) + 1e-4)) for j in range(d)) / d / 2
    for x in (before, outcome):
        d = x.shape[1]
        off += sum(covariance(x, i, j) ** 2 for i in range(d) for j in range(d) if i != j) / d
    found = sie(before, outcome, predicted, SIE(prediction=2, variance=3, covariance=5))
    assert {name: float(part) for name, part in found.parts.items()} == pytest.approx(
        {"prediction": prediction, "variance": hinge, "covariance": off}
    )
    assert float(found.total) == pytest.approx(2 * prediction + 3 * hinge + 5 * off)


def test_collapse_reads_the_hinges() -> None:
    """Three batches without deviation: 3 halves of 1 - sqrt(1e-4)."""
    constant = [torch.ones_like(x) for x in given()]
    assert float(sie(*constant, SIE(variance=1)).total) == pytest.approx(1.5 * 0.99)


def test_with_vicregs_agreement_it_takes_both_parts_of_the_same_views() -> None:
    given = synthetic_observed()
    z = given.latents()["first"]
    found = CombinedWeights(VICReg(10, 0, 0), SIE()).loss(given)
    projected, y = given.project(z[..., :4]), z[..., 4:] * math.sqrt(6)
    start = z[:, :1, 4:].expand(-1, 3, -1)
    predicted = math.sqrt(6) * given.predict("first", start, given.condition(given.action, None))
    both = torch.cat([projected, y], -1)
    first, second = both[:, :1].expand(-1, 3, -1).flatten(0, 1), both[:, 1:].flatten(0, 1)
    wanted = sie(first, second, predicted.flatten(0, 1), SIE()).total.detach()
    assert float(found.parts["equivariance/first"]) == pytest.approx(float(wanted))


def test_gradient_is_that_of_finite_differences() -> None:
    tensors = [x.requires_grad_() for x in given()]
    assert torch.autograd.gradcheck(lambda *x: sie(*x, SIE()).total, tensors)
