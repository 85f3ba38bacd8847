"""Variance of the noise of each coordinate, from residuals outside the tangent space alone.

The distance to a unit holds noise and the size of the unit's cell. The cell is large where units are few, so that would
mistake a place that is seldom visited for one where a sense is imprecise; what is left outside the tangent space is not
changed by it.
"""

import torch
from torch import Tensor

SHRINK = 0.01  # towards equal variances
SMALLEST = 1e-3  # of the mean over the coordinates of a unit: the estimate has no sign by itself, and noise may be 0


def tangent_basis(slope: Tensor) -> Tensor:
    """Orthonormal [n, d, q] of the same space as the columns of ``slope`` [n, d, q]."""
    return torch.linalg.qr(slope).Q


def noise_variance(squares: Tensor, basis: Tensor, blocks: tuple[int, ...]) -> Tensor:
    """Variance [n, d] of independent noise e of each coordinate, from mean squares [n, d] of P e, P = I - Q Q'.

    E (P e)_i^2 = sum_j P_ij^2 s_j, or m = A s (Hartley, Rao & Kiefer 1969, J. Am. Stat. Assoc. 64:841), is solved by
    least squares with SHRINK ||s - s0||^2. s0 has one number a block, the solution of the equations summed over each;
    with a single block sum_i m_i / (d - q). It is all that is known of a coordinate along which the manifold itself
    runs. Variances that are equal within each block are exact. blocks: sizes that sum to d.
    """
    d = basis.shape[1]
    sizes = torch.tensor(blocks, device=squares.device)
    member = torch.eye(len(blocks), dtype=squares.dtype, device=squares.device).repeat_interleave(sizes, 1)
    eye = torch.eye(d, dtype=squares.dtype, device=squares.device)
    system = (eye - basis @ basis.mT).square()
    of_block = torch.linalg.solve(member @ system @ member.T, member @ squares[..., None])[..., 0]
    equal = of_block @ member
    right = (system @ squares[..., None])[..., 0] + SHRINK * equal
    variance = torch.linalg.solve(system @ system + SHRINK * eye, right)
    return torch.maximum(variance, SMALLEST * squares.mean(1, keepdim=True).clamp_min(SMALLEST**3))
