"""EquiMod (arXiv:2211.01244): views agree, and a predictor displaces the un-augmented one to each of them."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.objectives.nt_xent import nt_xent
from smcrep.transition import Loss


@dataclass(frozen=True)
class EquiModWeights:
    """The paper's values for CIFAR-10 with SimCLR."""

    equivariance: float = 1.0
    invariant_temperature: float = 0.5
    equivariant_temperature: float = 0.2


def equimod(
    invariant_a: Tensor,
    invariant_b: Tensor,
    before: Tensor,
    outcome: Tensor,
    predicted: Tensor,
    weights: EquiModWeights,
) -> Loss:
    """NT-Xent(za, zb) + weight * NT-Xent(Y, Y^), the second over the outcomes of all views at once.

    invariant_a, invariant_b  [n, dz]: invariant embeddings of two augmented views of n images.
    before                    [n, d]: equivariant embedding of the view without augmentation.
    outcome                   [n, v, d]: equivariant embeddings of v augmented views (the paper has 2).
    predicted                 [n, v, d]: ``before`` displaced by the predictor under each view's augmentation.

    The 2 n v rows of the second term hold, among the negatives of an outcome, the other views of the same image and
    their predictions: a predictor blind to the augmentation cannot tell those from the true one, and keeps at least
    log v nats. ``parts["gain"]`` is the paper's diagnostic cos(outcome, predicted) - cos(outcome, before): above 0
    where the predictor does better than leaving the embedding where it was.
    """
    invariance = nt_xent(invariant_a, invariant_b, weights.invariant_temperature).total
    equivariance = nt_xent(outcome.flatten(0, 1), predicted.flatten(0, 1), weights.equivariant_temperature).total
    with torch.no_grad():
        gain = F.cosine_similarity(outcome, predicted, -1) - F.cosine_similarity(outcome, before[:, None], -1)
    return Loss(
        invariance + weights.equivariance * equivariance,
        {"invariance": invariance.detach(), "equivariance": equivariance.detach(), "gain": gain.mean()},
    )
