"""The features of every signal are standardised on their way into fusion, so that none drowns for being small."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.zoo.cures.cure import Cure, Step
from smcrep.zoo.knobs import Stack
from smcrep.zoo.network import FEATURES, Architecture, Parameters, into_fusion
from smcrep.zoo.world import SIGNALS

MOMENTUM = 0.1
"""Weight of a step in the running mean and deviation, which are those of the model after training."""


@dataclass(frozen=True)
class Standardised(Cure):
    """Without parameters of its own (batch normalisation, arXiv:1502.03167, without scale and shift), behind the weight
    that the fusion gives a signal."""

    def weights(self, architecture: Architecture, stack: Stack, generator: torch.Generator) -> dict[str, Tensor]:
        shape = len(stack), len(SIGNALS), 1, FEATURES
        return {
            "standard.on": torch.zeros(len(stack)),
            "standard.mean": torch.zeros(shape),
            "standard.std": torch.ones(shape),
        }

    def layers(self, p: Parameters, found: Tensor, step: Step) -> dict[str, Tensor]:
        x = into_fusion(found, step.stack)
        mean, std = x.mean(2, keepdim=True), x.std(2, keepdim=True)
        first = 1.0 if step.progress == 0 else MOMENTUM
        with torch.no_grad():
            p["standard.on"].copy_((step.strength > 0).float())
            p["standard.mean"].lerp_(mean, first)
            p["standard.std"].lerp_(std, first)
        return {"standard.mean": mean, "standard.std": std}
