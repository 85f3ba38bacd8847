"""The interface of heads, and the mean over actions that are no padding."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from smcrep.fusion.method import mean_over_present


@dataclass(frozen=True)
class HeadSizes:
    """width: of a token of the context; horizon, num_actions: of a chunk [h, a]; num_layers, heads: of attention."""

    width: int
    horizon: int
    num_actions: int
    num_layers: int = 2
    heads: int = 4


class ActionHead(nn.Module, ABC):
    """context [b, s, w] with visible bool [b, s], at least one token of each row -> actions [b, h, a] in [-1, 1].

    generator draws noise; None: torch's own in `loss`, and the most likely action in `act` where the head knows one.
    """

    def __init__(self, sizes: HeadSizes) -> None:
        super().__init__()
        self.sizes = sizes

    @abstractmethod
    def loss(
        self,
        context: Tensor,
        visible: Tensor,
        actions: Tensor,
        is_pad: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """[] to minimise, a mean over the actions [b, h, a] that are no padding (is_pad bool [b, h])."""

    @abstractmethod
    def act(self, context: Tensor, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The chunk [b, h, a] to execute."""


def unpadded_mean(error: Tensor, is_pad: Tensor) -> Tensor:
    """Mean of error [b, h, a] over the steps that are no padding; what stands in those reaches nothing."""
    kept = ~is_pad
    if not kept.any():
        raise ValueError("policy loss: every action is padding; leave such chunks out")
    return torch.where(kept[..., None], error, 0).sum() / (kept.sum() * error.shape[-1])


def pooled(context: Tensor, visible: Tensor) -> Tensor:
    """The mean [b, w] of the visible tokens."""
    return mean_over_present(context, visible)


def gaussian(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Standard noise of that shape; the same numbers on every device."""
    return torch.randn(like.shape, generator=generator).to(like)
