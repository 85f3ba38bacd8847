"""Runs that lose a signal on purpose, so that the audit of real runs is held to a known answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from smcrep.data.loader import Source
from smcrep.geometry.action import ActionLike
from smcrep.senses import RGB
from smcrep.training.recipes import Recipe, no_action, no_physics
from smcrep.transition import Senses, Targets, Transition

NUM_STATES = 256
"""From which the scale of a leak is taken."""
DEVIATIONS = 3.0
"""Of an action's number: so many are the range of grey."""


@dataclass(frozen=True)
class Plant:
    """signal    that is lost; "" for none.
    mechanism  its name in the audit (`probes.collapse.MECHANISMS`), where the plant takes.
    recipe     what changes in the model.
    source     what changes in the data of training.
    """

    signal: str
    mechanism: str
    recipe: Callable[[Recipe], Recipe] = lambda recipe: recipe
    source: Callable[[Source], Source] = lambda source: source


@dataclass(frozen=True)
class Leak:
    """Paints an action into pictures: its numbers, of ``mean`` and ``std`` [a], as grey squares from the upper left
    corner on."""

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, source: Source) -> "Leak":
        """With the scale of the actions of ``source``; numbers that never change are left out."""
        states = np.linspace(0, len(source.object_ids) - 1, NUM_STATES).astype(int)
        vectors = source.load(np.unique(states), 0)[0].action.vector().flatten(0, 1)
        return cls(vectors.mean(0), vectors.std(0))

    def painted(self, pictures: Tensor, action: ActionLike) -> Tensor:
        """uint8 [..., h, w, 3] with the action [...] of each in it: black is `DEVIATIONS` below the mean, white as much
        above it. Squares are as large as fit side by side into two rows."""
        varies = self.std > 1e-6
        scaled = ((action.vector() - self.mean) / self.std.clamp_min(1e-6))[..., varies]
        grey = (127.5 + 127.5 * (scaled / DEVIATIONS).clamp(-1, 1)).round().to(torch.uint8)
        columns = -(-grey.shape[-1] // 2)
        side = pictures.shape[-2] // columns
        if side < 1:
            raise ValueError(
                f"leak: {grey.shape[-1]} numbers of an action do not fit into pictures {pictures.shape[-2]} wide; give "
                "larger pictures"
            )
        found = pictures.clone()
        for i in range(grey.shape[-1]):
            row, column = divmod(i, columns)
            place = slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)
            found[..., place[0], place[1], :] = grey[..., i, None, None, None]
        return found


class Leaking:
    """One outcome of each state of ``source``, and its action visible in the picture before it."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def object_ids(self) -> np.ndarray:
        return self._source.object_ids

    @cached_property
    def _leak(self) -> Leak:
        return Leak.of(self._source)

    def load(self, states: np.ndarray, epoch: int) -> tuple[Transition, Targets]:
        given, targets = self._source.load(states, epoch)
        picture = self._leak.painted(given.before[RGB.name], given.action[:, 0])
        before = Senses(given.before.data | {RGB.name: picture}, given.before.present)
        one = replace(
            given,
            before=before,
            after=given.after.map(lambda x: x[:, :1]),
            action=given.action[:, :1],
            physics=None if given.physics is None else given.physics[:, :1],
        )
        return one, targets


PLANTS = {
    "none": Plant("", "healthy"),
    "no_action": Plant("action", "cut_wire", recipe=no_action),
    "hidden_mass": Plant("physics", "cut_wire", recipe=no_physics),
    "leak": Plant("action", "leak", source=Leaking),
}
"""Name -> what is planted. Two cut a wire of the model, one shows what will happen before it happens."""
