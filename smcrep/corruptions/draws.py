"""Random numbers beside a batch: drawn on the generator's device, used on the data's."""

import torch
from torch import Tensor


def uniform(data: Tensor, *shape: int, generator: torch.Generator) -> Tensor:
    """float32 [n, *shape] from 0 to 1, for the n rows of ``data``."""
    return torch.rand(len(data), *shape, generator=generator, device=generator.device).to(data.device)


def normal(data: Tensor, *shape: int, generator: torch.Generator) -> Tensor:
    """float32 [n, *shape] of N(0, 1), for the n rows of ``data``."""
    return torch.randn(len(data), *shape, generator=generator, device=generator.device).to(data.device)


def direction(data: Tensor, dim: int, *, generator: torch.Generator) -> Tensor:
    """float32 [n, dim]: unit vectors, each direction as likely."""
    vector = normal(data, dim, generator=generator)
    return vector / vector.norm(dim=-1, keepdim=True).clamp(min=1e-12)


def rank(data: Tensor, num: int, *, generator: torch.Generator) -> Tensor:
    """int64 [n, num]: for each row an order of ``num`` things, each order as likely."""
    return uniform(data, num, generator=generator).argsort(dim=1).argsort(dim=1)


def per_row(value: Tensor, data: Tensor) -> Tensor:
    """[n] -> [n, 1, ...] with the axes of ``data``."""
    return value.to(data.device, torch.float32).reshape(-1, *(1,) * (data.ndim - 1))
