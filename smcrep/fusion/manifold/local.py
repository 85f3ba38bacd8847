"""The shape of a map around each unit: its slope, and how far units lie from a smooth surface."""

from typing import NamedTuple

import torch
from torch import Tensor


class LocalShape(NamedTuple):
    """slope    [n, d, q]: dw/dg.
    scatter  [n, d]: mean square of the units around from the surface, outside its tangent space."""

    slope: Tensor
    scatter: Tensor


def local_shape(units: Tensor, positions: Tensor, near: Tensor) -> LocalShape:
    """Least squares of units [n, d], in units of x, on positions [n, q] over those that are ``near`` bool [n, n]
    (`within_reach`) and the unit itself, with constant, slope and curvature:

        w_j = c + J (g_j - g_k) + 1/2 (g_j - g_k)' H (g_j - g_k) + e_j

    Curvature is there so that a unit with more neighbours to one side has the slope at its own place. Positions of a
    whole map can have its lengths only approximately. So J is turned into the nearest one with orthonormal columns
    (polar decomposition): a slope for each length in units of x. Squares of e_j are over the numbers of units less
    that of coefficients; where there are no more, the scatter is 0.
    """
    q, n, d = positions.shape[1], len(units), units.shape[1]
    a, b = (near | torch.eye(n, dtype=torch.bool, device=near.device)).nonzero(as_tuple=True)
    moved, changed = (positions[b] - positions[a]).double(), (units[b] - units[a]).double()
    i, j = torch.triu_indices(q, q, device=units.device)
    length = moved.abs().max().clamp_min(1e-12)  # so that all terms are of one size
    terms = torch.cat([torch.ones_like(moved[:, :1]), moved / length, moved[:, i] * moved[:, j] / length**2], 1)
    f = terms.shape[1]
    square = terms.new_zeros(n, f, f).index_add_(0, a, terms[:, :, None] * terms[:, None])
    product = terms.new_zeros(n, f, d).index_add_(0, a, terms[:, :, None] * changed[:, None])
    fitted = torch.linalg.pinv(square, rtol=1e-9, hermitian=True) @ product
    left, _, right = torch.linalg.svd(fitted[:, 1 : q + 1].mT, full_matrices=False)
    slope = left @ right

    error = changed - (terms[:, None] @ fitted[a])[:, 0]
    error = error - (slope[a] @ (slope[a].mT @ error[..., None]))[..., 0]
    free = torch.bincount(a, minlength=n) - f
    squares = terms.new_zeros(n, d).index_add_(0, a, error.square())
    scatter = torch.where(free[:, None] > 0, squares / free.clamp_min(1)[:, None], 0)
    return LocalShape(slope.float(), scatter.float())
