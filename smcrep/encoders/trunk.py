"""The layer between what a backbone gives and what a belief head reads."""

from torch import nn


def trunk(num_in: int, num_out: int) -> nn.Sequential:
    """Linear map, LayerNorm, GELU: [..., num_in] -> [..., num_out]."""
    return nn.Sequential(nn.Linear(num_in, num_out), nn.LayerNorm(num_out), nn.GELU())
