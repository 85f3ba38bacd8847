"""Forward and inverse model at once, and nothing else: Sensorimotor World Models."""

from dataclasses import dataclass

import torch
from torch import nn

from smcrep.objectives.augself import augself
from smcrep.objectives.equivariance import Equivariance, Moved
from smcrep.objectives.forward_model import roll_out
from smcrep.objectives.heads import HeadSizes, mlp
from smcrep.transition import Loss


@dataclass(frozen=True)
class Inverse(Equivariance):
    """Forward loss + weight * inverse loss (arXiv:2606.20104): the outcome is predicted from the action and the action
    read from the outcome, gradients reaching all of it. The inverse model is what forbids collapse: constant embeddings
    tell no action."""

    inverse: float = 1.0
    """Weight of the inverse loss."""
    hidden: int = 512
    """Width of the inverse model."""

    def loss(self, moved: Moved) -> Loss:
        forward = roll_out(moved.predict().flatten(0, 1)[:, None], moved.outcome.flatten(0, 1)[:, None], 1.0).total
        read = moved.head("inverse")(torch.cat(moved.pairs(), -1))
        inverse = augself(read, moved.action.flatten(0, 1)).total
        terms = {"forward": forward, "inverse": inverse}
        return Loss(forward + self.inverse * inverse, {name: term.detach() for name, term in terms.items()}, terms)

    def heads(self, sizes: HeadSizes) -> dict[str, nn.Module]:
        return {"inverse": mlp(2 * sizes.equivariant, self.hidden, sizes.action)}
