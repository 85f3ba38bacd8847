"""Point sets: how far apart they are."""

import torch
from torch import Tensor


def chamfer(a: Tensor, b: Tensor, *, share: float = 1.0) -> Tensor:
    """float32 [...]: mean over the points of a [..., n, 3] of the distance to the nearest point of b [..., m, 3], plus
    the same from b to a; leading axes broadcast (Fan et al., arXiv:1612.00603, eq. 1, with means for sums and distances
    for their squares).

    share  of the points of either set, those that are nearest to the other, over which the mean goes: below 1 for
           clouds that see different sides of a thing (the trimming of Chetverikov et al., ICPR 2002).
    """
    distance = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    return _trimmed_mean(distance.amin(-1), share) + _trimmed_mean(distance.amin(-2), share)


def _trimmed_mean(distance: Tensor, share: float) -> Tensor:
    number = max(1, round(share * distance.shape[-1]))
    return distance.topk(number, largest=False).values.mean(-1)
