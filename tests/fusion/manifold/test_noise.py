"""Variances that were planted come back from what lies outside a tangent space."""

import torch

from smcrep.fusion.manifold.noise import noise_variance, tangent_basis
from tests.fusion.manifold.planted import generator


def test_basis_spans_the_columns_of_the_slope() -> None:
    slope = torch.randn(5, 6, 2, generator=generator())
    basis = tangent_basis(slope)
    torch.testing.assert_close(basis.mT @ basis, torch.eye(2).expand(5, 2, 2), rtol=0, atol=1e-5)
    torch.testing.assert_close(basis @ (basis.mT @ slope), slope, rtol=1e-4, atol=1e-5)


def test_equal_variances_are_exact_in_every_tangent_space() -> None:
    basis = tangent_basis(torch.randn(4, 7, 2, generator=generator(), dtype=torch.float64))
    basis[0] = torch.eye(7, 2)  # along two of the coordinates: of these it sees no noise at all
    projector = torch.eye(7) - basis @ basis.mT
    found = noise_variance(0.3 * projector.diagonal(dim1=1, dim2=2), basis, (7,))
    torch.testing.assert_close(found, torch.full((4, 7), 0.3, dtype=torch.float64))


def test_each_block_has_its_own_variance_where_the_manifold_runs_along_one_number_of_each() -> None:
    """Of those two numbers only one combination is seen; the others of their blocks tell."""
    basis = torch.tensor([0.6, 0, 0, 0.8, 0, 0, 0], dtype=torch.float64)[None, :, None]
    truth = torch.tensor([2.0, 2, 2, 5, 5, 5, 5], dtype=torch.float64)
    projector = torch.eye(7) - basis @ basis.mT
    found = noise_variance((projector[0].square() @ truth)[None], basis, (3, 4))
    torch.testing.assert_close(found[0], truth)


def test_unequal_variances_come_back() -> None:
    """Simulated: noise of known variances, and only its part outside the tangent space is seen."""
    truth = torch.linspace(0.5, 2, 16)
    basis = tangent_basis(torch.randn(3, 16, 2, generator=generator()))
    noise = truth.sqrt() * torch.randn(40_000, 16, generator=generator(1))
    squares = torch.stack([(noise - noise @ q @ q.T).square().mean(0) for q in basis])
    found = noise_variance(squares, basis, (16,))
    assert float((found / truth - 1).abs().mean()) < 0.06
    assert float((squares / truth - 1).abs().mean()) > 0.1  # uncorrected


def test_variances_are_positive_where_the_estimate_is_not() -> None:
    basis = tangent_basis(torch.ones(1, 3, 1))
    assert (noise_variance(torch.tensor([[0.0, 0, 9]]), basis, (3,)) > 0).all()
    assert (noise_variance(torch.zeros(1, 3), basis, (3,)) > 0).all()
