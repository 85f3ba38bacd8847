"""An objective is the type of its weights: `Recipe.objective` holds one, and its `loss` is what is minimised."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn

from smcrep.geometry.action import ActionLike
from smcrep.objectives.heads import HeadSizes
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
    scaled_action  action [...] -> float32 [..., a], its numbers of mean 0 and variance 1 in the training data.
    heads          the networks of the objective's own (`ObjectiveWeights.heads`), by name.
    target         the same observations by the target network, without gradient; None where there is none.
    generator      of what an objective draws; None: the same draw in every call.
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
    scaled_action: Callable[[ActionLike], Tensor] = lambda action: action.vector()
    heads: Mapping[str, nn.Module] = field(default_factory=dict)
    target: "Observed | None" = None
    generator: torch.Generator | None = None

    def head(self, name: str) -> nn.Module:
        """A network of the objective's own; ValueError where the model was built without."""
        if name not in self.heads:
            raise ValueError(
                f"objective: the model has no network {name!r} of this objective; build it by "
                "smcrep.training.build.build_seeded_model, from a recipe that holds the objective"
            )
        return self.heads[name]

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

    def heads(self, sizes: HeadSizes) -> dict[str, nn.Module]:
        """Networks that learn with the model and are thrown away after training; torch's generator draws the
        weights."""
        return {}

    def target_momentum(self) -> float | None:
        """m of the target network, an exponential moving average of the model whose observations are `Observed.target`:
        before each step, target = m * target + (1 - m) * model. None: no such network."""
        return None

    def fused_only(self) -> Self | None:
        """The same objective with what depends on the fused embedding alone, in which precision is calibrated; None
        where nothing does."""
        return self


def mean_loss(losses: dict[str, Loss]) -> Loss:
    """Mean of the totals of equal losses, one a sense; its parts are those of each, "PART/SENSE", its terms the means
    of theirs."""
    total = torch.stack([loss.total for loss in losses.values()]).mean()
    parts = {f"{part}/{name}": value for name, loss in losses.items() for part, value in loss.parts.items()}
    names = dict.fromkeys(term for loss in losses.values() for term in loss.terms)
    terms = {name: torch.stack([loss.terms[name] for loss in losses.values()]).mean() for name in names}
    return Loss(total, parts, terms)
