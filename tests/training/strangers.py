"""An objective that is none of the package's: tests train, save and choose it as they do those that ship."""

from dataclasses import dataclass

import torch

from smcrep.objectives import ObjectiveWeights, Observed
from smcrep.transition import Loss


@dataclass(frozen=True)
class DriftWeights(ObjectiveWeights):
    """Views of a state agree, states do not: the share of the variance of fused latents that is within states."""

    pull: float = 1.0
    """Weight of the variance within states."""

    def loss(self, observed: Observed) -> Loss:
        z = observed.fused
        within = z.var(1, correction=0).mean()
        total = z.flatten(0, 1).var(0, correction=0).mean()
        share = self.pull * within / (total + 1e-6)
        return Loss(share, {"within": within.detach(), "total": total.detach()})


@dataclass(frozen=True)
class UnfusedWeights(ObjectiveWeights):
    """Each sense for itself: nothing depends on the fused latents, so there is nothing to calibrate."""

    def loss(self, observed: Observed) -> Loss:
        mean = observed.beliefs.mean
        apart = torch.nn.functional.mse_loss(mean[:, 0], mean[:, 1])
        return Loss(apart, {"apart": apart.detach()})

    def fused_only(self) -> None:
        return None
