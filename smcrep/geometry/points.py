"""Point sets: how far apart they are."""

import torch
from torch import Tensor


def chamfer(a: Tensor, b: Tensor) -> Tensor:
    """float32 [...]: mean over the points of a [..., n, 3] of the squared distance to the nearest point of b [..., m,
    3], plus the same from b to a (Fan et al., arXiv:1612.00603, eq. 1, with means for sums); leading axes broadcast."""
    squared = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square()
    return squared.amin(-1).mean(-1) + squared.amin(-2).mean(-1)
