"""Group laws for any predictor whose actions are tensors: identity, inverse, composition."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from smcrep.probes.equivariance import GroupLaws, group_laws


@dataclass(frozen=True)
class Group:
    """How the actions [n, ...] compose.

    compose  (first, second) -> the one action that does both in this order.
    inverse  action -> the one that undoes it.

    Displacements add up (`ADDITIVE`); rotations multiply from the left: compose = lambda a, b: b @ a.
    """

    compose: Callable[[Tensor, Tensor], Tensor]
    inverse: Callable[[Tensor], Tensor]


ADDITIVE = Group(lambda first, second: first + second, lambda action: -action)


@dataclass(frozen=True)
class _Element:
    """An action with the methods that `group_laws` needs."""

    value: Tensor
    group: Group

    def then(self, second: "_Element") -> "_Element":
        return _Element(self.group.compose(self.value, second.value), self.group)

    def inverse(self) -> "_Element":
        return _Element(self.group.inverse(self.value), self.group)


def predictor_laws(
    predict: Callable[[Tensor, Tensor], Tensor],
    z: Tensor,
    actions: tuple[Tensor, Tensor, Tensor],
    outcome: Tensor,
    *,
    group: Group = ADDITIVE,
    units: np.ndarray | None = None,
) -> GroupLaws:
    """Errors of ``predict`` (z [n, d], action [n, ...]) -> [n, d], over the displacement that the first action causes;
    see `GroupLaws` for each.

    z        [n, d] latents before;  outcome [n, d]: latents observed after the first action.
    actions  three of [n, ...], each from where the one before leads.

    What it cannot see: a predictor that ignores the action obeys every law; read them with ``gain``.
    """
    first, second, third = (_Element(action, group) for action in actions)
    return group_laws(lambda x, element: predict(x, element.value), z, first, second, third, outcome, units)
