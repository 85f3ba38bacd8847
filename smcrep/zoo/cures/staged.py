"""Staged training: the suspected signal first, the others later."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.zoo.cures.cure import Cure, Step
from smcrep.zoo.knobs import Stack
from smcrep.zoo.network import FEATURES, Architecture, Parameters
from smcrep.zoo.world import SIGNALS


@dataclass(frozen=True)
class Staged(Cure):
    """strength: share of training in which the others are hidden behind a learned token."""

    strengths: tuple[float, ...] = (0.1, 0.3)

    def weights(self, architecture: Architecture, stack: Stack, generator: torch.Generator) -> dict[str, Tensor]:
        return {"token": torch.zeros(len(stack), len(SIGNALS), 1, FEATURES)}

    def features(self, found: Tensor, p: Parameters, step: Step) -> Tensor:
        hidden = torch.zeros(len(step.strength), len(SIGNALS), dtype=torch.bool)
        hidden[:, step.others] = (step.progress < step.strength)[:, None]
        return torch.where(hidden[..., None, None], p["token"], found)
