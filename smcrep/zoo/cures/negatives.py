"""Same-state negatives: a loss that tells the outcome from those of other values of the suspected signal."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.training.curricula import same_state_contrast
from smcrep.zoo.cures.cure import Cure, Seen, Step
from smcrep.zoo.network import TEMPERATURE, Parameters, observe, similarity
from smcrep.zoo.rows import audit_rows
from smcrep.zoo.world import varied

NUM_NEGATIVES = 3
ERROR_SCALE = 0.05
"""Temperature where the score is minus a squared error."""


@dataclass(frozen=True)
class Negatives(Cure):
    """strength: weight of the loss. The outcome to find is the logged one, whatever is wrong with it."""

    strengths: tuple[float, ...] = (0.1, 1.0)

    def loss(self, p: Parameters, seen: Seen, step: Step) -> Tensor:
        outcomes = [self._observed(p, step) for _ in range(NUM_NEGATIVES)]
        candidates = torch.stack([seen.observed, *outcomes], 2)
        scores = similarity(seen.predicted[:, :, None], candidates, step.architecture)
        regression = step.architecture.objective == "regression"
        return same_state_contrast(scores, ERROR_SCALE if regression else TEMPERATURE)

    def _observed(self, p: Parameters, step: Step) -> Tensor:
        other = audit_rows(varied(step.draws, step.signal, step.generator), step.world, step.stack)
        return observe(p, other.outcome, step.architecture, step.stack)
