"""SEN, a symmetric embedding network: the prediction lands on the outcome, and states keep a distance."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.objectives.equivariance import Equivariance, Moved
from smcrep.transition import Loss


@dataclass(frozen=True)
class SEN(Equivariance):
    """The energy loss with the authors' width. (Rows named SEN in later papers are NT-Xent on predictions, `EquiMod`
    here.)"""

    sigma: float = 0.5
    """Width of the energy."""

    def loss(self, moved: Moved) -> Loss:
        return sen(moved.before, moved.outcome, moved.predict(), self.sigma)


def sen(before: Tensor, outcome: Tensor, predicted: Tensor, sigma: float) -> Loss:
    """Mean of D(predicted, outcome) + mean over pairs of states of max(0, 1 - D(before_i, before_j)), where D(x, y) is
    |x - y|^2 / (2 sigma^2) (arXiv:2204.11371 and its code; the loss of C-SWM, arXiv:1911.12247, eq. 4 to 6).

    before              [b, d]: embeddings of b states.
    outcome, predicted  [b, k, d]: after k actions.

    The authors draw one negative a state; here all pairs i != j count, which is its mean. A constant embedding and a
    predictor that stays give 1.
    """
    positive = _energy(predicted - outcome, sigma).mean()
    apart = _energy(before[:, None] - before, sigma)
    others = ~torch.eye(len(before), dtype=torch.bool, device=before.device)
    negative = torch.relu(1 - apart[others]).mean() if len(before) > 1 else before.new_zeros(())
    return Loss(positive + negative, {"positive": positive.detach(), "negative": negative.detach()})


def _energy(difference: Tensor, sigma: float) -> Tensor:
    return difference.square().sum(-1) / (2 * sigma**2)
