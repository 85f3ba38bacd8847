"""SimCLR (arXiv:2002.05709) on observations of states: the views of one state agree, and nothing is predicted."""

from dataclasses import dataclass

import torch

from smcrep.objectives.instance_contrast import instance_contrast
from smcrep.objectives.objective import ObjectiveWeights, Observed, mean_loss
from smcrep.transition import Loss


@dataclass(frozen=True)
class SimCLRWeights(ObjectiveWeights):
    """SimCLR on each sense and on the fused embedding, all views of a state at once; the loss is their mean."""

    temperature: float = 0.1
    """Divides the cosines. The paper's 0.5 for CIFAR-10 goes with batches of hundreds; from 16 states it teaches next
    to nothing (15-way 1-shot of unseen scans .19 after 800 steps)."""

    def loss(self, observed: Observed) -> Loss:
        everywhere = torch.ones(observed.fused.shape[:2], dtype=torch.bool, device=observed.fused.device)
        losses = {}
        for sense, z in observed.latents().items():
            projected = observed.project(z[..., : observed.num_invariant])
            loss = instance_contrast(projected, everywhere, self.temperature, processes=observed.processes)
            assert loss is not None  # all is present
            losses[sense] = loss
        return mean_loss(losses)
