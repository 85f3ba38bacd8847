"""Observations away from the ends of their ranges, so that the known effects can be measured."""

import torch
from torch import Tensor

from smcrep.senses import DEPTH, MASK, POINTS, RGB


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = 5, size: int = 32, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (n, size, size, 3), dtype=torch.uint8, generator=generator(seed))


def grey(n: int, value: int, size: int = 64) -> Tensor:
    return torch.full((n, size, size, 3), value, dtype=torch.uint8)


def clouds(n: int = 5, k: int = 64, seed: int = 0) -> Tensor:
    """About 10 cm wide, half a metre before the camera."""
    return 0.03 * torch.randn(n, k, 3, generator=generator(seed)) + torch.tensor([0.02, -0.01, 0.5])


def depths(n: int = 5, size: int = 32, seed: int = 0) -> Tensor:
    """A box half a metre away before a wall, both slanted; some pixels read nothing."""
    depth = 0.81 + torch.linspace(0, 0.03, size).expand(n, size, size)
    depth[:, size // 4 : size // 2, size // 4 : -size // 4] -= 0.3
    return depth * (torch.rand(depth.shape, generator=generator(seed)) > 0.1)


def masks(n: int = 5, size: int = 32) -> Tensor:
    mask = torch.zeros(n, size, size, dtype=torch.uint8)
    mask[:, size // 4 : size // 2, size // 4 : -size // 4] = 1
    return mask


def sample(sense: str, n: int = 5, seed: int = 0) -> Tensor:
    if sense == MASK.name:
        return masks(n)
    return {RGB.name: pictures, POINTS.name: clouds, DEPTH.name: depths}[sense](n, seed=seed)


def severities(n: int, value: float) -> Tensor:
    return torch.full((n,), float(value))
