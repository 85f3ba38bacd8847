"""Concatenation, with zeros or a learned token where a sense is absent."""

import torch
from torch import Tensor, nn

from smcrep.fusion.method import seen
from smcrep.transition import Beliefs


class ConcatenationZeros(nn.Module):
    """[x_1, ..., x_m], zeros for an absent sense: [..., m d]. Nothing is learned.

    Trap: zeros are a place in embedding space like any other. A row without a sense has a shorter norm and a cosine of
    at most sqrt(1/2) with the same object seen by two senses of equal norm.
    """

    def forward(self, beliefs: Beliefs) -> Tensor:
        return seen(beliefs).flatten(-2)


class Concatenation(nn.Module):
    """[x_1, ..., x_m] with a learned token [d] of its own for each absent sense: [..., m d].

    Trap: the weights of the senses are their norms, whatever happens to a sense; nothing else is learned.
    """

    def __init__(self, num_senses: int, dim: int) -> None:
        super().__init__()
        self.absent = nn.Parameter(torch.randn(num_senses, dim) / dim**0.5)

    def forward(self, beliefs: Beliefs) -> Tensor:
        return torch.where(beliefs.present[..., None], beliefs.mean, self.absent).flatten(-2)
