"""Equal precision: the control that a learned precision has to beat."""

from dataclasses import replace

import torch
from torch import Tensor

from smcrep.fusion.precision import precision_weighted
from smcrep.transition import Beliefs


def equal_precision(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    """Plain mean over the senses present; otherwise as `precision_weighted`."""
    return precision_weighted(replace(beliefs, log_precision=torch.zeros_like(beliefs.mean)))
