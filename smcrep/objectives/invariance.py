"""What makes two views of one state agree: the first half of `CombinedWeights`."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from smcrep.objectives.heads import HeadSizes
from smcrep.records import Kinds
from smcrep.transition import Loss


@dataclass(frozen=True)
class Views:
    """Two views of n states, of all processes, projected.

    a, b                 [n, d]: row i of both is of one state.
    target_a, target_b   [n, d]: the same by the target network, detached; by the model itself, detached, where there is
                         no target network (so SimSiam, arXiv:2011.10566, is BYOL there).
    head                 name -> a network of the invariance's own.
    generator            of what is drawn; None: the same draw in every call.
    """

    a: Tensor
    b: Tensor
    target_a: Tensor
    target_b: Tensor
    head: Callable[[str], nn.Module]
    generator: torch.Generator | None


@dataclass(frozen=True)
class Invariance(Kinds):
    """Base of invariances; derive a frozen dataclass of its weights with a `loss`. Its name is that of the class."""

    def loss(self, views: Views) -> Loss:
        raise NotImplementedError

    def heads(self, sizes: HeadSizes) -> dict[str, nn.Module]:
        """See `ObjectiveWeights.heads`."""
        return {}

    def target_momentum(self) -> float | None:
        """See `ObjectiveWeights.target_momentum`."""
        return None
