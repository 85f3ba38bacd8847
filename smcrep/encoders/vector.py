"""Vectors of a fixed length: joint angles, a gripper's pose, forces, touch."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from smcrep.encoders.trunk import dtype_of, trunk


class VectorEncoder(nn.Module):
    """float32 [b, n], scaled by ``mean`` and ``std`` [n] -> invariant and equivariant features, both [b, trunk_dim]."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], trunk_dim: int, *, hidden: int = 128) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean), persistent=False)  # the configuration keeps them
        self.register_buffer("std", torch.tensor(std), persistent=False)
        self.backbone = nn.Sequential(nn.Linear(len(mean), hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU())
        self.invariant, self.equivariant = trunk(hidden, trunk_dim), trunk(hidden, trunk_dim)

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        scaled = (vectors.float() - self.mean) / self.std
        features = self.backbone(scaled.to(dtype_of(self.invariant)))
        return self.invariant(features), self.equivariant(features)
