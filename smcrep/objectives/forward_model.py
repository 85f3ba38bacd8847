"""A latent forward model: where the embedding goes, one action after the other."""

from dataclasses import dataclass

from torch import Tensor

from smcrep.objectives.equivariance import Equivariance, Moved
from smcrep.transition import Loss


@dataclass(frozen=True)
class Forward(Equivariance):
    """Squared distance of prediction and outcome. With 1 step, from the observation before to each outcome; with more,
    along the chain of outcomes, each prediction made from the last. The outcome is the target network's, so no gradient
    pulls it to the prediction; `Inverse` has none (as LeWorldModel and Sensorimotor World Models)."""

    steps: int = 1
    """Actions in a row; more than 1 needs actions that compose (rigid motions)."""
    decay: float = 0.5
    """Weight of each step beside the one before it."""
    momentum: float = 0.996
    """Of the target network."""

    def loss(self, moved: Moved) -> Loss:
        if self.steps == 1:
            return roll_out(moved.predict().flatten(0, 1)[:, None], moved.target_outcome.flatten(0, 1)[:, None], 1.0)
        return roll_out(moved.roll_out(self.steps), moved.target_outcome[:, : self.steps], self.decay)

    def target_momentum(self) -> float | None:
        return self.momentum


def roll_out(predicted: Tensor, outcome: Tensor, decay: float) -> Loss:
    """(1 / h) * sum over steps t = 0 .. h - 1 of decay^t * mean over rows of |predicted_t - outcome_t|^2, both
    [n, h, d] (arXiv:2310.16828, eq. 3, the consistency term without its coefficient 20). ``outcome`` should carry no
    gradient: with one, constant embeddings are a minimum that is fallen into."""
    weight = decay ** predicted.new_tensor(range(predicted.shape[1]))
    total = (weight * (predicted - outcome).square().sum(-1).mean(0)).mean()
    return Loss(total, {"forward": total.detach()})
