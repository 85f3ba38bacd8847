"""What may hold a leak is exchanged between rows: it is seen in training, and says nothing."""

from dataclasses import dataclass

import torch

from smcrep.zoo.cures.cure import Cure, Step
from smcrep.zoo.rows import CHANNELS, Rows


@dataclass(frozen=True)
class Randomised(Cure):
    """strength: share of rows. A cure of the data: one has to know where the leak may be. To cut it in training alone
    would leave the weights on it as they began, and the leak in use wherever it is there again."""

    strengths: tuple[float, ...] = (0.3, 1.0)
    of_the_data: bool = True

    def rows(self, rows: Rows, step: Step) -> Rows:
        num_rows = rows.inputs.shape[1]
        shift = int(torch.randint(1, num_rows, (), generator=step.generator))
        chosen = torch.rand(*rows.inputs.shape[:2], generator=step.generator) < step.strength[:, None]
        inputs = rows.inputs.clone()
        channels = inputs[..., CHANNELS]
        inputs[..., CHANNELS] = torch.where(chosen[..., None, None], channels.roll(shift, 1), channels)
        return Rows(inputs, rows.outcome)
