"""Covariance intersection: fusion that stays honest whatever the correlation of the senses' errors."""

from collections.abc import Callable

import torch
from torch import Tensor

from smcrep.fusion.informative import informative
from smcrep.fusion.precision import sum_of_precisions
from smcrep.transition import Beliefs

STEPS = 200
"""Updates of omega: the claimed log-precision is then within 1e-3 of the optimum."""

Gain = Callable[[Tensor, Tensor], Tensor]


def covariance_intersection(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    """Precision sum_m omega_m p_m with omega (>= 0, sum 1) of the largest determinant (Julier and Uhlmann, ACC 1997).

    mean_d = sum_m omega_m p_md mean_md / sum_m omega_m p_md. No correlation of the errors makes what it claims too
    precise; the price is that independent senses gain nothing. If one sense is better in every dimension it is chosen
    alone; senses that know different dimensions are combined. Units of the dimensions do not matter.

    Gradients take omega as given.

    Returns fused [..., d] and weight [..., m], the mean over d of the shares omega_m p_md / sum_m omega_m p_md.
    """
    return _fuse(beliefs, _determinant)


def covariance_intersection_trace(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    """As `covariance_intersection`, with omega of the smallest sum of variances; dimensions in one unit."""
    return _fuse(beliefs, _trace)


def covariance_intersection_claim(beliefs: Beliefs) -> Tensor:
    """Log-precision [..., d] of `covariance_intersection`; -inf where no sense is present."""
    return _claim(beliefs, _determinant)


def covariance_intersection_trace_claim(beliefs: Beliefs) -> Tensor:
    """Log-precision [..., d] of `covariance_intersection_trace`."""
    return _claim(beliefs, _trace)


def _fuse(beliefs: Beliefs, gain: Gain) -> tuple[Tensor, Tensor]:
    known = informative(beliefs)
    scaled = _scaled(known) + _log_omega(known, gain)[..., None]
    share = torch.exp(
        scaled - torch.where(known.present.any(-1)[..., None], sum_of_precisions(scaled), 0)[..., None, :]
    )
    return (share * known.mean).sum(-2), share.mean(-1)


def _claim(beliefs: Beliefs, gain: Gain) -> Tensor:
    known = informative(beliefs)
    return sum_of_precisions(known.log_precision + _log_omega(known, gain)[..., None])


def _scaled(known: Beliefs) -> Tensor:
    """Log-precision [..., m, d] relative to the largest in each item, 0 where no sense is present."""
    some = known.present.any(-1)[..., None, None]
    largest = torch.where(some, known.log_precision.amax((-2, -1), keepdim=True), 0)
    return known.log_precision - largest.detach()


@torch.no_grad()
def _log_omega(known: Beliefs, gain: Gain) -> Tensor:
    """log omega [..., m] by multiplicative updates, each of which improves the criterion; -inf for absent senses.

    omega_m <- omega_m gain_m / sum (Yu, Annals of Statistics 38, 2010): the optimum of a D- or A-optimal design whose
    information matrices are the senses' precisions.
    """
    precision = _scaled(known).exp()
    omega = known.present.to(precision) / known.present.sum(-1, keepdim=True).clamp_min(1)
    for _ in range(STEPS):
        total = (omega[..., None] * precision).sum(-2, keepdim=True)
        omega = omega * gain(precision / torch.where(total > 0, total, 1), total)
        omega = omega / omega.sum(-1, keepdim=True).clamp_min(torch.finfo(omega.dtype).tiny)
    return omega.log()


def _determinant(ratio: Tensor, total: Tensor) -> Tensor:
    """Slope of sum_d log total_d in omega_m: sum_d p_md / total_d."""
    return ratio.mean(-1)


def _trace(ratio: Tensor, total: Tensor) -> Tensor:
    """Root of the slope of -sum_d 1 / total_d in omega_m: sum_d p_md / total_d^2 (with it each update improves)."""
    return (ratio / torch.where(total > 0, total, 1)).mean(-1).sqrt()
