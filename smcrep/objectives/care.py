"""CARE: one action on all states turns their embeddings as one; the action itself is never told."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.objectives.equivariance import Equivariance, Moved
from smcrep.transition import Loss

SAME = 1e-4
"""Actions are one where their scaled numbers differ by less."""


@dataclass(frozen=True)
class CARE(Equivariance):
    """The isometry term, for batches in which branch j of every state is one and the same action."""

    isometry: float = 0.03
    """Weight; the paper's for CIFAR-10. The term sums over a batch, so a weight does not carry over to other sizes."""

    def loss(self, moved: Moved) -> Loss:
        if bool((moved.action - moved.action[:1]).abs().amax() > SAME):
            raise ValueError(
                "care: the states of a batch are acted on differently; draw one action for each branch of the whole "
                "batch, or take another equivariance"
            )
        branches = [care(moved.before, after).total for after in moved.outcome.unbind(1)]
        total = self.isometry * torch.stack(branches).mean()
        return Loss(total, {"care": total.detach()})


def care(before: Tensor, after: Tensor) -> Loss:
    """2 * mean over i of the sum over j != i of (cos(b_i, b_j) - cos(a_i, a_j))^2, before and after [n, d] one and the
    same action on n states (arXiv:2306.13924, section 3, as in the authors' code). 0 where an orthogonal map moves all;
    constant embeddings give 0 too."""
    b, a = F.normalize(before, dim=-1), F.normalize(after, dim=-1)
    total = 2 * (b @ b.T - a @ a.T).square().sum(1).mean()  # the diagonal is 0
    return Loss(total, {"care": total.detach()})
