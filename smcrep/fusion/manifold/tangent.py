"""The tangent space of a map at each unit, and what of a residual lies outside it."""

import torch
from torch import Tensor

from smcrep.fusion.manifold.map import ManifoldMap


def along_and_across(residual: Tensor, slope: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Residuals r [b, d] from a unit -> movement along the manifold [b, q], in units of position, and what is left
    [b, d], in standard deviations.

    Generalised least squares: t = (J' S^-1 J)^-1 J' S^-1 r and S^-1/2 (r - J t), J = ``slope`` [b, d, q] and
    S = diag(``variance`` [b, d]).
    """
    root = variance.sqrt()
    standard, j = residual / root, slope / root[..., None]
    square, product = j.mT @ j, j.mT @ standard[..., None]
    along = torch.linalg.pinv(square, hermitian=True) @ product
    return along[..., 0], standard - (j @ along)[..., 0]


def orthogonal_residual(manifold: ManifoldMap, x: Tensor) -> Tensor:
    """Squared distance of observations [..., d] from the tangent space at their unit, in variances of the noise there,
    over its d - q degrees of freedom: [...], on average 1 for what the map was fitted on, s^2 at s times that noise."""
    d, q = manifold.slope.shape[1:]
    return _split(manifold, x)[1].square().sum(-1) / (d - q)


def distance_to_manifold(manifold: ManifoldMap, x: Tensor) -> Tensor:
    """How far observations [..., d] lie from the map: [...], a score for `conformal`; larger is less alike.

    Across: `orthogonal_residual`. Along: squared length from the unit over that usual there, so that what lies in the
    tangent space but beyond the last unit, or in a hole, is far as well. Their sum; each is on average 1 for what the
    map was fitted on.
    """
    d, q = manifold.slope.shape[1:]
    along, across = _split(manifold, x)
    extent = manifold.extent[manifold.winners(x)[..., 0]]
    return across.square().sum(-1) / (d - q) + along.square().sum(-1) / (q * extent)


def _split(manifold: ManifoldMap, x: Tensor) -> tuple[Tensor, Tensor]:
    """`along_and_across` of observations [..., d] at their nearest units."""
    unit = manifold.winners(x)[..., 0]
    return along_and_across(manifold.whiten(x) - manifold.units[unit], manifold.slope[unit], manifold.variance[unit])
