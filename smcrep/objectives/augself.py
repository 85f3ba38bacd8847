"""AugSelf: the action is read from the embeddings before and after it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.objectives.equivariance import Equivariance, Moved
from smcrep.objectives.heads import HeadSizes, mlp
from smcrep.transition import Loss


@dataclass(frozen=True)
class AugSelf(Equivariance):
    """AugSelf with an action in the place of the parameters of augmentations. On the equivariant part (the paper: on
    the backbone), with one hidden layer (two), in the order before, after (both orders)."""

    hidden: int = 512
    """Width of the network."""

    def loss(self, moved: Moved) -> Loss:
        return augself(moved.head("reader")(torch.cat(moved.pairs(), -1)), moved.action.flatten(0, 1))

    def heads(self, sizes: HeadSizes) -> dict[str, nn.Module]:
        return {"reader": mlp(2 * sizes.equivariant, self.hidden, sizes.action)}


def augself(read: Tensor, action: Tensor) -> Loss:
    """Mean squared error of the numbers of the action that were read from a pair of embeddings, both [n, a]
    (arXiv:2111.09613, section 3: an auxiliary loss for each parameter, here all of one kind)."""
    total = F.mse_loss(read, action)
    return Loss(total, {"augself": total.detach()})
