"""Rows in which the suspected signal was set after the observation, with the outcome that it then had."""

from dataclasses import dataclass

import torch

from smcrep.training.curricula import from_interventions
from smcrep.zoo.cures.cure import Cure, Step
from smcrep.zoo.rows import Rows, audit_rows, exchanged
from smcrep.zoo.world import varied


@dataclass(frozen=True)
class Interventional(Cure):
    """strength: share of rows. The observation, a leak in it too, stays that of the logged row. A cure of the data."""

    strengths: tuple[float, ...] = (0.3, 0.6, 1.0)
    of_the_data: bool = True

    def rows(self, rows: Rows, step: Step) -> Rows:
        done = audit_rows(varied(step.draws, step.signal, step.generator), step.world, step.stack)
        chosen = from_interventions(step.strength, rows.inputs.shape[1], step.generator)
        inputs = exchanged(rows.inputs, done.inputs, step.signal)
        return Rows(
            torch.where(chosen[..., None, None], inputs, rows.inputs),
            torch.where(chosen[..., None], done.outcome, rows.outcome),
        )
