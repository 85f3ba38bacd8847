"""AA-SSL: the embedding of an action is contrasted with what is seen before and after it."""

from dataclasses import dataclass

import torch
from torch import nn

from smcrep.objectives.equivariance import Equivariance, Moved
from smcrep.objectives.heads import HeadSizes, mlp
from smcrep.objectives.nt_xent import nt_xent
from smcrep.transition import Loss


@dataclass(frozen=True)
class AASSL(Equivariance):
    """NT-Xent of g(action) and p(before, after) (arXiv:2407.06704, the action-aligned term), both networks learned. On
    the equivariant part; widths are the authors' for ResNet-18, halved."""

    temperature: float = 0.1
    """Divides the cosines."""
    hidden: int = 256
    """Width of both networks."""
    dim: int = 128
    """Numbers in which the contrast is taken."""

    def loss(self, moved: Moved) -> Loss:
        acted = moved.head("action")(moved.action.flatten(0, 1))
        return nt_xent(acted, moved.head("seen")(torch.cat(moved.pairs(), -1)), self.temperature)

    def heads(self, sizes: HeadSizes) -> dict[str, nn.Module]:
        seen = mlp(2 * sizes.equivariant, self.hidden, self.dim)
        return {"action": mlp(sizes.action, self.hidden, self.dim), "seen": seen}
