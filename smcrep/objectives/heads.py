"""Networks that an objective learns beside the model: how large they can be, and the one kind there is."""

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class HeadSizes:
    """Numbers of what heads take: the equivariant part, the projected invariant part, the vector of an action, the
    invariant part."""

    equivariant: int
    projected: int
    action: int
    invariant: int


def mlp(num_in: int, hidden: int, num_out: int) -> nn.Sequential:
    """One hidden layer. LayerNorm where papers have BatchNorm, so that a batch equals its items."""
    return nn.Sequential(nn.Linear(num_in, hidden), nn.LayerNorm(hidden), nn.GELU(), nn.Linear(hidden, num_out))
