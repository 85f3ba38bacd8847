"""Which senses tell anything: what every rule does first with the beliefs that it is handed."""

from dataclasses import replace

import torch
from torch import Tensor

from smcrep.transition import Beliefs


def informative(beliefs: Beliefs) -> Beliefs:
    """The same beliefs where senses of no information are absent, and what absent senses hold is replaced.

    A sense whose precision is 0 (log -inf) in every dimension is absent. An absent sense has mean 0 and log-precision
    -inf, so that whatever its numbers were, NaN included, reaches neither a result nor a gradient. Where no sense
    present knows a dimension all of them count equally in it (log-precision 0): the limit of small equal precisions.

    Returns mean and log_precision [..., m, d], present [..., m].
    """
    log_precision = beliefs.log_precision.expand_as(beliefs.mean)
    known = beliefs.present[..., None] & (log_precision != -torch.inf)
    present = known.any(-1)
    here = present[..., None]
    known_by_nobody = ~known.any(-2, keepdim=True)
    return replace(
        beliefs,
        mean=torch.where(here, beliefs.mean, 0),
        log_precision=torch.where(known, log_precision, torch.where(here & known_by_nobody, 0.0, -torch.inf)),
        present=present,
    )


def largest_log_precision(known: Beliefs) -> Tensor:
    """[..., 1, d] of beliefs that are `informative`, 0 where no sense is present; a constant for gradients.

    Differences from it neither overflow nor are NaN.
    """
    some = known.present.any(-1)[..., None, None]
    return torch.where(some, known.log_precision.amax(-2, keepdim=True), 0).detach()
