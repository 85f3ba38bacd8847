"""Precision-weighted fusion: the product of Gaussians."""

import torch
from torch import Tensor

from smcrep.transition import Beliefs


def precision_weighted(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    """Mean of the normalised product of the senses' Gaussians, and how much each sense counted.

    mean_d = sum_m p_md mean_md / sum_m p_md, with p = exp(log_precision), independently for each dimension d. Shares
    are computed from differences of log-precisions, so no size of them overflows. An absent sense has precision 0:
    whatever its numbers hold, NaN included, reaches neither the result nor a gradient. Where no sense is present the
    result is zeros.

    Returns fused [..., d] and weight [..., m], the mean over d of each sense's share.
    """
    present = beliefs.present[..., None]
    mean = torch.where(present, beliefs.mean, 0)
    log_precision = torch.where(present, beliefs.log_precision, -torch.inf)
    some = present.any(-2, keepdim=True)
    largest = torch.where(some, log_precision.amax(-2, keepdim=True), 0).detach()
    relative = torch.exp(log_precision - largest)
    # Not clamp_min(1), which the sum never falls below: at exactly 1, one sense alone, it has a gradient of 0.
    share = relative / torch.where(some, relative.sum(-2, keepdim=True), 1)
    return (share * mean).sum(-2), share.mean(-1)
