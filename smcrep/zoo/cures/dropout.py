"""Modality dropout with warm-up: the other signals are hidden at random."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.training.curricula import kept, warm_up
from smcrep.zoo.cures.cure import Cure, Step
from smcrep.zoo.knobs import Stack
from smcrep.zoo.network import FEATURES, Architecture, Parameters
from smcrep.zoo.world import SIGNALS

WARM_UP = 0.3
"""Share of training in which the rate grows."""


@dataclass(frozen=True)
class Dropout(Cure):
    """strength: the rate at the end of the warm-up. A learned token stands in for hidden features."""

    strengths: tuple[float, ...] = (0.2, 0.5)

    def weights(self, architecture: Architecture, stack: Stack, generator: torch.Generator) -> dict[str, Tensor]:
        return {"token": torch.zeros(len(stack), len(SIGNALS), 1, FEATURES)}

    def features(self, found: Tensor, p: Parameters, step: Step) -> Tensor:
        suspects = torch.zeros(len(SIGNALS), dtype=torch.bool)
        suspects[step.signal] = True
        rate = step.strength * warm_up(step.progress, WARM_UP)
        stay = kept(rate, suspects, found.shape[2], step.generator)
        return torch.where(stay.transpose(1, 2)[..., None], found, p["token"])
