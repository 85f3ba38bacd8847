"""An adapter for world models that roll out in a latent space, of the shape of stable-worldmodel's `Dynamics`."""

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from smcrep.probes.collapse.adapter import Batch, with_replaced


class Dynamics(Protocol):
    """The two methods that a planner of stable-worldmodel needs of a world model (its protocols.py)."""

    def encode(self, x: dict[str, Any]) -> dict[str, Any]:
        """Observations [b, t, ...] by name -> the same with their latents."""
        ...

    def rollout(self, info_dict: dict[str, Any], action_candidates: Tensor) -> dict[str, Any]:
        """Observations [b, s, t, ...] by name and s sequences of actions [b, s, t, a] of each -> the same with the
        latents that are predicted, [b, s, .., d]."""
        ...


@dataclass(frozen=True)
class RolloutPredictor:
    """A batch holds ``senses`` [b, t, ...], the same with ``next_suffix`` [b, t', ...] and ``action`` [b, t, a].

    latent     key under which `encode` leaves latents [b, t, ...].
    predicted  key under which `rollout` leaves predicted latents [b, s, t'', ...]; the last is compared with the last
               that is observed.

    Score: minus the mean squared difference of the two latents, in their own scale. A model that encodes everything to
    one point scores 0, the best there is, with any signal: read the rank of its latents beside it.
    """

    model: Dynamics
    senses: tuple[str, ...]
    action: str = "action"
    next_suffix: str = "_next"
    latent: str = "emb"
    predicted: str = "predicted_emb"

    @property
    def signals(self) -> tuple[str, ...]:
        return (*self.senses, self.action)

    def score(self, batch: Batch, replaced: Batch) -> Tensor:
        given = with_replaced(batch, replaced, self.signals)
        before = {name: given[name][:, None] for name in self.senses}
        rolled = self.model.rollout(before, given[self.action][:, None])[self.predicted]
        after = self.model.encode({name: batch[name + self.next_suffix] for name in self.senses})[self.latent]
        expected, observed = (x.flatten(1).double() for x in (rolled[:, 0, -1], after[:, -1]))
        return -(expected - observed).square().mean(-1)
