"""Inverse-dynamics head whose loss, and the task's, are weighed by their noise, which is learned."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.objectives.kendall import kendall
from smcrep.zoo.cures.cure import Step, gradient
from smcrep.zoo.cures.inverse import InverseHead
from smcrep.zoo.knobs import Stack
from smcrep.zoo.network import Architecture


@dataclass(frozen=True)
class InverseKendall(InverseHead):
    """`objectives.kendall`: both log variances begin at 0. strength: on or off."""

    strengths: tuple[float, ...] = (1.0,)

    def weights(self, architecture: Architecture, stack: Stack, generator: torch.Generator) -> dict[str, Tensor]:
        return super().weights(architecture, stack, generator) | {"log_variance": torch.zeros(len(stack), 2)}

    def slopes(
        self, task: Tensor, added: Tensor | None, learned: Mapping[str, Tensor], step: Step
    ) -> dict[str, Tensor]:
        assert added is not None
        both = torch.stack([task, added], 1).mean(2)
        weighed = torch.stack([kendall(*each) for each in zip(both, learned["log_variance"], strict=True)])
        return gradient(torch.where(step.strength > 0, weighed, both[:, 0])[:, None], learned)
