"""Equal precision: the control that a learned precision has to beat."""

from dataclasses import replace

import torch
from torch import Tensor

from smcrep.fusion.informative import informative
from smcrep.fusion.precision import precision_weighted, sum_of_precisions
from smcrep.transition import Beliefs


def equal_precision(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    """Plain mean over the senses present; otherwise as `precision_weighted`."""
    beliefs = replace(beliefs, present=informative(beliefs).present)
    return precision_weighted(replace(beliefs, log_precision=torch.zeros_like(beliefs.mean)))


def equal_claim(beliefs: Beliefs) -> Tensor:
    """Log-precision [..., d] of a plain mean of M independent senses: -log(sum_m 1 / p_md / M^2).

    -inf where no sense is present, or where one of those present has precision 0.
    """
    beliefs = informative(beliefs)
    num_present = beliefs.present.sum(-1)[..., None]
    log_variance = torch.where(beliefs.present[..., None], -beliefs.log_precision, -torch.inf)
    claim = 2 * num_present.clamp_min(1).log() - sum_of_precisions(log_variance)
    return torch.where(num_present > 0, claim, -torch.inf)
