"""Precision-weighted fusion: the product of Gaussians."""

import torch
from torch import Tensor

from smcrep.fusion.informative import informative, largest_log_precision
from smcrep.transition import Beliefs


def precision_weighted(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    """Mean of the normalised product of the senses' Gaussians, and how much each sense counted.

    mean_d = sum_m p_md mean_md / sum_m p_md, with p = exp(log_precision), independently for each dimension d. Shares
    are computed from differences of log-precisions, so no size of them overflows. An absent sense has precision 0:
    whatever its numbers hold, NaN included, reaches neither the result nor a gradient. Where no sense is present the
    result is zeros.

    Returns fused [..., d] and weight [..., m], the mean over d of each sense's share.
    """
    beliefs = informative(beliefs)
    some = beliefs.present.any(-1)[..., None, None]
    relative = torch.exp(beliefs.log_precision - largest_log_precision(beliefs))
    # Not clamp_min(1), which the sum never falls below: at exactly 1, one sense alone, it has a gradient of 0.
    share = relative / torch.where(some, relative.sum(-2, keepdim=True), 1)
    return (share * beliefs.mean).sum(-2), share.mean(-1)


def product_claim(beliefs: Beliefs) -> Tensor:
    """Log-precision [..., d] that the product claims: log sum_m p_md, as if the senses' errors were independent.

    -inf where no sense is present.
    """
    return sum_of_precisions(informative(beliefs).log_precision)


def sum_of_precisions(log_precision: Tensor) -> Tensor:
    """[..., m, d] -> [..., d]: log sum_m exp, with gradient 0 (not NaN) where every precision is 0."""
    none = (log_precision == -torch.inf).all(-2)
    summed = torch.logsumexp(torch.where(none[..., None, :], 0.0, log_precision), -2)
    return torch.where(none, -torch.inf, summed)
