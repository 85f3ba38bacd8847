"""An objective is the type of its weights: `Recipe.objective` holds one, and its `loss` is what is minimised."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from smcrep.geometry.action import ActionLike
from smcrep.objectives.processes import ALONE, Processes
from smcrep.records import Kinds
from smcrep.transition import FUSED, Beliefs, Loss


@dataclass(frozen=True)
class Observed:
    """A batch of b states seen v = k + 1 times each by a model: view 0 before, the others the outcomes of k actions.

    beliefs        mean [b, v, m, d], log_precision, present [b, v, m] of the m senses.
    fused          [b, v, d]: the beliefs fused.
    action         [b, k], physics float32 [b, k, p] or None: what led from view 0 to each outcome.
    num_invariant  the first so many of d numbers are the invariant part, the others the equivariant part.
    condition      (action [...], physics [..., p] or None) -> what `predict` takes.
    predict        (sense or "fused", equivariant part [..., de], condition [...]) -> that part after the action.
    project        invariant part [..., di] -> [..., dp], where invariant losses are taken; one for all senses.
    processes      over which the batch is spread (`objectives.processes`).
    """

    beliefs: Beliefs
    fused: Tensor
    action: ActionLike
    physics: Tensor | None
    num_invariant: int
    condition: Callable[[ActionLike, Tensor | None], Any]
    predict: Callable[[str, Tensor, Any], Tensor]
    project: Callable[[Tensor], Tensor]
    processes: Processes = ALONE

    def latents(self) -> dict[str, Tensor]:
        """[b, v, d] of each sense, and fused. For objectives that know no absent senses: ValueError where one is."""
        if not bool(self.beliefs.present.all()):
            raise ValueError(
                "objective: a sense is absent in some observations; train it where every sense is present, or take "
                "SensorimotorWeights"
            )
        own = {name: self.beliefs.mean[:, :, i] for i, name in enumerate(self.beliefs.names)}
        return own | {FUSED: self.fused}


@dataclass(frozen=True)
class ObjectiveWeights(Kinds):
    """Base of the weights of an objective. Derive a frozen dataclass from it, named ...Weights, with a `loss`."""

    def loss(self, observed: Observed) -> Loss:
        """The loss of this process's part of a batch; in nats where it is contrastive."""
        raise NotImplementedError

    def fused_only(self) -> Self | None:
        """The same objective with what depends on the fused embedding alone, in which precision is calibrated; None
        where nothing does."""
        return self


def mean_loss(losses: dict[str, Loss]) -> Loss:
    """Mean of the totals of equal losses, one a sense; its parts are those of each, "PART/SENSE"."""
    total = torch.stack([loss.total for loss in losses.values()]).mean()
    parts = {f"{part}/{name}": value for name, loss in losses.items() for part, value in loss.parts.items()}
    return Loss(total, parts)
