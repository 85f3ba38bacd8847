"""Product of von Mises-Fisher densities: fusion of directions, for embeddings of unit norm."""

import math

import torch
from torch import Tensor

from smcrep.fusion.bessel import log_bessel_i, log_bessel_ratio
from smcrep.fusion.informative import informative
from smcrep.transition import Beliefs

TINY = 1e-12
"""Added to a squared length, so that a direction has a finite slope at length 0."""


def von_mises_fisher(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    """Mean direction of the product of vMF(mu_m, kappa_m), and how much each sense counted.

    eta = sum_m kappa_m mu_m, fused = eta / |eta| (Mardia and Jupp, Directional Statistics, section 10.3), where mu_m is
    the sense's mean divided by its norm and kappa_m the mean over d of its precisions: near mu_m a vMF density is a
    Gaussian of precision kappa_m along the sphere. Where the senses cancel exactly there is no direction: the result is
    shorter than 1, down to zeros; so it is where no sense is present.

    Returns fused [..., d] of unit norm and weight [..., m] = kappa_m / sum kappa.
    """
    eta, share, _ = _natural(beliefs)
    return _unit(eta), share


def von_mises_fisher_claim(beliefs: Beliefs) -> Tensor:
    """Log-concentration [..., 1] of the product: log |eta|. It falls when senses disagree; -inf: none is present."""
    eta, _, log_scale = _natural(beliefs)
    return (eta.square().sum(-1, keepdim=True) + TINY).log() / 2 + log_scale


def log_density(cosine: Tensor, log_kappa: Tensor, dim: int) -> Tensor:
    """Log density of vMF on the sphere in ``dim`` dimensions, at a cosine to its mean direction; shapes broadcast.

    kappa cos + v log kappa - (v + 1) log 2 pi - log I_v(kappa), v = dim / 2 - 1 (Mardia and Jupp, eq. 9.3.4).
    """
    order = dim / 2 - 1
    kappa = log_kappa.exp()
    normaliser = order * log_kappa - (order + 1) * math.log(2 * math.pi) - log_bessel_i(order, kappa)
    return kappa * cosine + normaliser


def expected_cosine(log_kappa: Tensor, dim: int) -> Tensor:
    """Mean cosine between the mean direction and a draw: I_{dim/2}(kappa) / I_{dim/2-1}(kappa)."""
    return log_bessel_ratio(dim / 2 - 1, log_kappa.exp()).exp()


def _natural(beliefs: Beliefs) -> tuple[Tensor, Tensor, Tensor]:
    """eta [..., d] divided by sum kappa, shares of kappa [..., m], log sum kappa [..., 1] (-inf: no sense)."""
    known = informative(beliefs)
    some = known.present.any(-1, keepdim=True)
    guarded = torch.where(known.present[..., None], known.log_precision, 0.0)
    mean_over_d = torch.logsumexp(guarded, -1) - math.log(guarded.shape[-1])
    log_kappa = torch.where(known.present, mean_over_d, -torch.inf)
    log_sum = torch.logsumexp(torch.where(some, log_kappa, 0.0), -1, keepdim=True)
    share = torch.where(some, torch.exp(log_kappa - log_sum), 0)
    eta = (share[..., None] * _unit(known.mean)).sum(-2)
    return eta, share, torch.where(some, log_sum, -torch.inf)


def _unit(x: Tensor) -> Tensor:
    return x * (x.square().sum(-1, keepdim=True) + TINY).rsqrt()
