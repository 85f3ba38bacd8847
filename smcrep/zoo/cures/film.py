"""FiLM: the suspected signal scales and shifts the fused features, past whatever the fusion does with it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.zoo.cures.cure import Cure, Step
from smcrep.zoo.knobs import Stack
from smcrep.zoo.network import FEATURES, TRUNK, Architecture, Parameters
from smcrep.zoo.world import SIGNALS


@dataclass(frozen=True)
class FiLM(Cure):
    """An adapter that begins as nothing: its weights are 0 (`added_layers.conditioned`)."""

    def weights(self, architecture: Architecture, stack: Stack, generator: torch.Generator) -> dict[str, Tensor]:
        m, s = len(stack), len(SIGNALS)
        return {
            "condition_on": torch.zeros(m, s),
            "adapter.weight": torch.zeros(m, s * FEATURES, 2 * TRUNK),
            "adapter.bias": torch.zeros(m, 1, 2 * TRUNK),
        }

    def layers(self, p: Parameters, found: Tensor, step: Step) -> dict[str, Tensor]:
        with torch.no_grad():
            p["condition_on"][:, step.signal] = (step.strength > 0).float()
        return {}
