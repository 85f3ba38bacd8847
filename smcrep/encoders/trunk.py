"""The layer between what a backbone gives and what a belief head reads."""

import torch
from torch import nn


def trunk(num_in: int, num_out: int) -> nn.Sequential:
    """Linear map, LayerNorm, GELU: [..., num_in] -> [..., num_out]."""
    return nn.Sequential(nn.Linear(num_in, num_out), nn.LayerNorm(num_out), nn.GELU())


def dtype_of(trunk: nn.Sequential) -> torch.dtype:
    """In which its weights compute: half after ``model.half()``. Sensors give float32."""
    linear: nn.Linear = trunk[0]  # type: ignore[assignment]
    return linear.weight.dtype
