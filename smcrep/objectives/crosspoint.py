"""CrossPoint: two views by one sense agree, and their mean agrees with another sense."""

from dataclasses import dataclass
from itertools import permutations

import torch
from torch import Tensor

from smcrep.objectives.clip import projected_senses
from smcrep.objectives.nt_xent import nt_xent
from smcrep.objectives.objective import ObjectiveWeights, Observed, mean_loss
from smcrep.transition import Loss


@dataclass(frozen=True)
class CrossPointWeights(ObjectiveWeights):
    """CrossPoint in the projected invariant part, for every ordered pair of senses (the paper: clouds, then pictures):
    view i and view i + 1 by the first, view i by the second, for all i in turn. Nothing is predicted."""

    temperature: float = 0.1
    """Divides the cosines."""

    def loss(self, observed: Observed) -> Loss:
        losses = {}
        for (a, za), (b, zb) in permutations(projected_senses(observed, "crosspoint").items(), 2):
            num_views = za.shape[1]
            each = [
                crosspoint(za[:, i], za[:, (i + 1) % num_views], zb[:, i], self.temperature).total
                for i in range(num_views)
            ]
            total = torch.stack(each).mean()
            losses[f"{a}>{b}"] = Loss(total, {"crosspoint": total.detach()})
        return mean_loss(losses)

    def fused_only(self) -> None:
        return None


def crosspoint(first: Tensor, second: Tensor, other: Tensor, temperature: float) -> Loss:
    """NT-Xent(first, second) + NT-Xent((first + second) / 2, other) (arXiv:2203.00680, section 3), all [n, d]: two
    views by one sense, and one by another. Constant embeddings give 2 log(2n - 1)."""
    within = nt_xent(first, second, temperature).total
    across = nt_xent((first + second) / 2, other, temperature).total
    return Loss(within + across, {"within": within.detach(), "across": across.detach()})
