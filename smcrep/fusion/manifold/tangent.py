"""The tangent space of a map at each unit, and what of a residual lies outside it."""

import torch
from torch import Tensor

from smcrep.fusion.manifold.map import ManifoldMap


def position_estimate(slope: Tensor, variance: Tensor) -> Tensor:
    """[n, q, d] E with t = E r, the movement along the manifold that a residual r from each unit tells:

        E = (J' S^-1 J)^-1 J' S^-1    (generalised least squares)

    with J of ``slope`` [n, d, q], S = diag of ``variance`` [n, d].
    """
    weighted = (slope / variance[..., None]).mT
    return torch.linalg.pinv(weighted @ slope, hermitian=True) @ weighted


def along_and_across(residual: Tensor, unit: Tensor, slope: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Residuals r [..., d] from the units int64 [...] -> t = E r [..., q] (`position_estimate`), in units of position,
    and what is left, S^-1/2 (r - J t) [..., d], in standard deviations."""
    along = position_estimate(slope, variance)[unit] @ residual[..., None]
    left = residual - (slope[unit] @ along)[..., 0]
    return along[..., 0], left / variance.sqrt()[unit]


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
    return along_and_across(manifold.whiten(x) - manifold.units[unit], unit, manifold.slope, manifold.variance)
