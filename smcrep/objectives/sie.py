"""SIE, split invariant and equivariant parts: predictions land on outcomes, variance and covariance forbid collapse."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.objectives.equivariance import Equivariance, Moved
from smcrep.objectives.vicreg import deviation_hinge, off_diagonal_covariance
from smcrep.transition import Loss


@dataclass(frozen=True)
class SIE(Equivariance):
    """All terms of SIE but the agreement of the invariant parts, with the paper's weights: beside ``VICReg(10, 0, 0)``
    they are its whole loss. Its predictor is the model's ``predictor="sie"``.

    Equivariant parts of our models have length 1, so they are multiplied by the root of their dimension: a standard
    deviation of 1 is then possible.
    """

    prediction: float = 4.5
    """Weight of the squared distance of prediction and outcome; the paper's. (The code's default is 45.)"""
    variance: float = 10.0
    """Weight of the hinges that keep standard deviations at 1."""
    covariance: float = 1.0
    """Weight of the squared covariances of different numbers, of both parts side by side."""

    def loss(self, moved: Moved) -> Loss:
        spread = moved.outcome.shape[-1] ** 0.5
        before, outcome = (spread * y for y in moved.pairs())
        first = moved.projected[:, :1].expand(-1, moved.outcome.shape[1], -1).flatten(0, 1)
        second, predicted = moved.projected[:, 1:].flatten(0, 1), spread * moved.predict().flatten(0, 1)
        return sie(torch.cat([first, before], -1), torch.cat([second, outcome], -1), predicted, self)


def sie(before: Tensor, outcome: Tensor, predicted: Tensor, weights: SIE) -> Loss:
    """Weighted sum of three terms (arXiv:2302.10283, section 4, normalised as in the authors' code):

    prediction  mean over rows and dimensions of (predicted - equivariant part of the outcome)^2.
    variance    mean over dimensions of max(0, 1 - std), of ``before``, ``outcome`` and ``predicted``; half their sum.
    covariance  sum of squared covariances off the diagonal over the number of dimensions, of ``before`` and
                ``outcome``; their sum.

    before, outcome  [n, di + de]: invariant and equivariant part of both views, side by side.
    predicted        [n, de]: equivariant part that is predicted of the outcome.
    """
    prediction = F.mse_loss(predicted, outcome[:, -predicted.shape[1] :])
    variance = (deviation_hinge(before) + deviation_hinge(outcome) + deviation_hinge(predicted)) / 2
    covariance = off_diagonal_covariance(before) + off_diagonal_covariance(outcome)
    total = weights.prediction * prediction + weights.variance * variance + weights.covariance * covariance
    parts = {"prediction": prediction, "variance": variance, "covariance": covariance}
    return Loss(total, {name: part.detach() for name, part in parts.items()})
