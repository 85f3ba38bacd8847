"""Mixture of experts: one of the senses is right, nobody knows which."""

import torch
from torch import Tensor

from smcrep.fusion.equal import equal_precision
from smcrep.fusion.informative import informative
from smcrep.fusion.precision import sum_of_precisions
from smcrep.transition import Beliefs


def mixture(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    """Mean of q = 1/M sum_m N(mean_m, 1/p_m) over the M senses present (MMVAE, arXiv:1911.03393, eq. 2).

    It equals `equal_precision`; the two differ in what they claim. A mixture cannot sharpen: two senses that agree
    are no surer than one.
    """
    return equal_precision(beliefs)


def mixture_claim(beliefs: Beliefs) -> Tensor:
    """Log-precision [..., d] of the mixture by its second moment: 1/M sum_m (1 / p_md + (mean_md - fused_d)^2).

    -inf where no sense is present, or where one of those present has precision 0.
    """
    fused, _ = mixture(beliefs)
    beliefs = informative(beliefs)
    here = beliefs.present[..., None]
    num_present = beliefs.present.sum(-1)[..., None]
    log_variance = torch.where(here, -beliefs.log_precision, -torch.inf)
    within = torch.exp(sum_of_precisions(log_variance))
    between = torch.where(here, beliefs.mean - fused[..., None, :], 0).square().sum(-2)
    claim = num_present.clamp_min(1).log() - torch.log(within + between)
    return torch.where(num_present > 0, claim, -torch.inf)
