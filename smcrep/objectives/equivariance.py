"""What makes the equivariant part follow the action: the second half of `CombinedWeights`."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from smcrep.objectives.heads import HeadSizes
from smcrep.records import Kinds
from smcrep.transition import Loss


@dataclass(frozen=True)
class Moved:
    """The b states of all processes before and after k actions each, by one sense or fused; v = k + 1 views.

    before          [b, d]: equivariant part of the observation before.
    outcome         [b, k, d]: that of the outcomes.
    target_outcome  [b, k, d]: the same by the target network, detached; by the model, detached, where there is none.
    projected       [b, v, p]: invariant part of all views, projected.
    action          [b, k, a]: the actions, scaled.
    predict         () -> [b, k, d]: outcomes predicted from ``before``.
    roll_out        (h) -> [b, h, d]: the first h outcomes predicted one after the other, each from the last prediction.
    head            name -> a network of the equivariance's own.
    """

    before: Tensor
    outcome: Tensor
    target_outcome: Tensor
    projected: Tensor
    action: Tensor
    predict: Callable[[], Tensor]
    roll_out: Callable[[int], Tensor]
    head: Callable[[str], nn.Module]

    def pairs(self) -> tuple[Tensor, Tensor]:
        """Before and after of every action, [b k, d] each."""
        return self.before[:, None].expand_as(self.outcome).flatten(0, 1), self.outcome.flatten(0, 1)


@dataclass(frozen=True)
class Equivariance(Kinds):
    """Base of equivariances; derive a frozen dataclass of its weights with a `loss`. Its name is that of the class."""

    def loss(self, moved: Moved) -> Loss:
        raise NotImplementedError

    def heads(self, sizes: HeadSizes) -> dict[str, nn.Module]:
        """See `ObjectiveWeights.heads`."""
        return {}

    def target_momentum(self) -> float | None:
        """See `ObjectiveWeights.target_momentum`."""
        return None


@dataclass(frozen=True)
class NoEquivariance(Equivariance):
    """Nothing is asked of the equivariant part; by name "none"."""

    @classmethod
    def kind(cls) -> str:
        return "none"

    def loss(self, moved: Moved) -> Loss:
        return Loss(moved.before.new_zeros(()), {})
