"""Conditional BYOL: the predictor, told the action, lands on what a slow average of the network sees of the outcome."""

from dataclasses import dataclass

from smcrep.objectives.byol import cosine_distance
from smcrep.objectives.equivariance import Equivariance, Moved
from smcrep.transition import Loss


@dataclass(frozen=True)
class ConditionalBYOL(Equivariance):
    """2 - 2 cos(predicted, target outcome), from before to after only, as the baseline of seq-JEPA (arXiv:2505.03176)
    has it; the model's predictor is the network that is told the action."""

    momentum: float = 0.996
    """Of the target network."""

    def loss(self, moved: Moved) -> Loss:
        total = cosine_distance(moved.predict(), moved.target_outcome)
        return Loss(total, {"conditional_byol": total.detach()})

    def target_momentum(self) -> float | None:
        return self.momentum
