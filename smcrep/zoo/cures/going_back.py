"""After an alarm: back to the weights of the best look, and either stay there or go on with rows from before it."""

from dataclasses import dataclass

import torch

from smcrep.zoo.cures.cure import Cure, Step
from smcrep.zoo.rows import Rows, training_rows


@dataclass(frozen=True)
class Rollback(Cure):
    """Training ends there."""

    after_alarm: bool = True
    goes_back: bool = True

    def trains(self, step: Step) -> bool:
        return False


@dataclass(frozen=True)
class Replay(Cure):
    """Training goes on, with rows that were kept from before the look gone back to. strength: share of rows."""

    after_alarm: bool = True
    goes_back: bool = True
    of_the_data: bool = True

    def rows(self, rows: Rows, step: Step) -> Rows:
        if not step.restored:
            return rows
        oldest = max(1, min(step.restored.values()))
        progress, draws = step.past[int(torch.randint(0, oldest, (), generator=step.generator))]
        old = training_rows(draws, step.world, step.stack, progress, step.generator)
        chosen = torch.rand(*rows.inputs.shape[:2], generator=step.generator) < step.strength[:, None]
        return Rows(
            torch.where(chosen[..., None, None], old.inputs, rows.inputs),
            torch.where(chosen[..., None], old.outcome, rows.outcome),
        )
