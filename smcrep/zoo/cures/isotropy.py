"""SIGReg: embeddings are pulled to an isotropic Gaussian, so that no direction is left out."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from smcrep.objectives.sigreg import random_directions, sigreg
from smcrep.zoo.cures.cure import Cure, Seen, Step
from smcrep.zoo.network import Parameters, fused

NUM_SLICES = 8


@dataclass(frozen=True)
class Isotropy(Cure):
    """strength: weight of SIGReg (arXiv:2511.08544) of the embeddings of prediction and outcome; where outcomes are
    predicted as they are, of the fused features."""

    strengths: tuple[float, ...] = (0.001, 0.01)

    def loss(self, p: Parameters, seen: Seen, step: Step) -> Tensor:
        if step.architecture.objective == "contrastive":
            embeddings = [seen.predicted, seen.observed]
        else:
            embeddings = [fused(p, seen.found, step.architecture, step.stack)]
        directions = random_directions(embeddings[0][0], NUM_SLICES, step.generator)
        found = [torch.vmap(partial(sigreg, directions=directions))(z) for z in embeddings]
        return torch.stack(found).mean(0)[:, None]
