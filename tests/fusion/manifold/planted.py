"""Observations of which everything is known: where on the manifold, and how noisy."""

import torch
from torch import Tensor

DIM = 8
LENGTH = 3 * 1.25**0.5


def helix(t: Tensor) -> Tensor:
    """Points [..., 8] of an arc of a helix, for t in [0, 3]; sqrt(1.25) of length for each unit of t."""
    return torch.stack([torch.cos(t), torch.sin(t), 0.5 * t, *[0 * t] * (DIM - 3)], -1)


def noisy_helix(num: int, *, noise: float | Tensor = 0.05, rarely: float = 1.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """t [b] and observations [b, 8] with Gaussian ``noise`` (one standard deviation, or [8]). Of those with t > 1 a
    share ``rarely`` is kept."""
    g = torch.Generator().manual_seed(seed)
    t = 3 * torch.rand(num, generator=g)
    t = t[(t < 1) | (torch.rand(num, generator=g) < rarely)]
    return t, helix(t) + noise * torch.randn(len(t), DIM, generator=g)


def noisy_line(
    num: int, direction: Tensor, noise: Tensor | float, *, length: float = 10.0, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Place [b] along a straight line and observations [b, d]; direction [d] of length 1, noise [d]."""
    g = torch.Generator().manual_seed(seed)
    place = length * torch.rand(num, generator=g)
    return place, place[:, None] * direction + noise * torch.randn(num, len(direction), generator=g)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
