"""Equivariant contrast: the outcome predicted for an action against other outcomes, those of its own state too."""

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.transition import Loss


def equivariant_contrast(
    predicted: Tensor, outcome: Tensor, positive: Tensor, allowed: Tensor, temperature: float
) -> Loss:
    """InfoNCE on cosines: row i of ``predicted`` against every outcome that ``allowed[i]`` admits.

    predicted    [q, d]: what the predictor says each of q transitions leads to.
    outcome      [c, d]: what was observed.
    positive     int64 [q]: the index in ``outcome`` of the true one; it must itself be allowed.
    allowed      bool [q, c]: candidates that a row is contrasted with. Same-state outcomes among them are what makes
                 the action necessary: with k of them (the true one counted), a predictor that ignores the action
                 keeps a loss of at least log k (`objectives.floor`).
    temperature  divides the cosines.

    Mean over the q rows, in nats.
    """
    if len(predicted) != len(positive) or allowed.shape != (len(predicted), len(outcome)):
        raise ValueError(
            f"equivariant_contrast: {len(predicted)} predictions, {len(positive)} positives, {len(outcome)} outcomes "
            f"and a mask {tuple(allowed.shape)}; give a mask [predictions, outcomes] and one positive a prediction"
        )
    rows = torch.arange(len(positive), device=positive.device)
    if not bool(allowed[rows, positive].all()):
        raise ValueError("equivariant_contrast: a true outcome is not among its allowed candidates; allow it")
    logits = F.normalize(predicted, dim=-1) @ F.normalize(outcome, dim=-1).T / temperature
    logits = logits.masked_fill(~allowed, -torch.inf)
    total = F.cross_entropy(logits, positive)
    return Loss(total, {"equivariant_contrast": total.detach()})
