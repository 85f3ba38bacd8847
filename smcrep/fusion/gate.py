"""The gate: the product of Gaussians while the senses agree, the best single sense where they do not."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from smcrep.fusion.informative import informative
from smcrep.fusion.precision import precision_weighted, product_claim
from smcrep.transition import Beliefs

QUANTILE = 3.0902
"""Of the standard normal at .999: one in a thousand sets of senses that agree is gated by chance."""


def gated(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    """`precision_weighted`, but where the senses `disagree` the sense of the largest mean precision alone.

    The choice is by the precision that the senses state: one that is sure and wrong is chosen. A step has no slope, so
    gradients are those of the branch that was taken.
    """
    return precision_weighted(_kept(beliefs))


def gated_claim(beliefs: Beliefs) -> Tensor:
    """Log-precision [..., d] of the product, or of the one sense where the senses `disagree`."""
    return product_claim(_kept(beliefs))


def disagreement(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    """Cochran's Q (Biometrics 10, 1954) and its degrees of freedom, both [...].

    Q = sum_d sum_m p_md (mean_md - fused_d)^2 with fused the product's mean; for two senses it equals
    sum_d (mean_1d - mean_2d)^2 / (1 / p_1d + 1 / p_2d). If the precisions are right and errors independent it is
    chi-squared with sum_d (senses that know d - 1) degrees of freedom.
    """
    fused, _ = precision_weighted(beliefs)
    beliefs = informative(beliefs)
    precision = beliefs.log_precision.exp()
    q = (precision * (beliefs.mean - fused[..., None, :]).square()).sum((-2, -1))
    return q, ((precision > 0).sum(-2) - 1).clamp_min(0).sum(-1)


def disagree(beliefs: Beliefs) -> Tensor:
    """bool [...]: `disagreement` beyond the .999 quantile of its chi-squared distribution.

    The quantile is Wilson and Hilferty's (PNAS 17, 1931): k (1 - 2 / 9k + z sqrt(2 / 9k))^3 at k degrees of freedom.
    """
    q, freedom = disagreement(beliefs)
    k = freedom.clamp_min(1).to(q.dtype)
    return (freedom > 0) & (q > k * (1 - 2 / (9 * k) + QUANTILE * math.sqrt(2 / 9) / k.sqrt()).pow(3))


def _kept(beliefs: Beliefs) -> Beliefs:
    """The same beliefs where the senses agree, else with the best sense alone present."""
    known = informative(beliefs)
    best = torch.logsumexp(known.log_precision.detach(), -1).argmax(-1, keepdim=True)
    alone = torch.zeros_like(known.present).scatter(-1, best, True)
    return replace(beliefs, present=known.present & (alone | ~disagree(beliefs)[..., None]))
