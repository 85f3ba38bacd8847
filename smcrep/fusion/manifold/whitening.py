"""Blocks on one scale, so that no sense decides alone which unit of a map is nearest."""

from typing import NamedTuple

import torch
from torch import Tensor

SMALLEST = 1e-6  # of the largest block: one that never changes stays finite


class Whitening(NamedTuple):
    """Whitened coordinates are (x - mean) / scale; both [d]."""

    mean: Tensor
    scale: Tensor


def fit_whitening(x: Tensor, blocks: tuple[int, ...] = ()) -> Whitening:
    """Mean of each of d numbers of x [b, d], and for all numbers of a block the root of its total variance, so that
    every block has total variance 1. blocks: sizes, one a sense, in order; empty: one block.

    Not a scale for each number: those that hold noise alone would become as large as those that the manifold runs
    along, and the map would fold into them.
    """
    blocks = blocks or (x.shape[1],)
    if sum(blocks) != x.shape[1] or min(blocks) < 1:
        raise ValueError(f"whitening: blocks {blocks}, and x has {x.shape[1]} numbers; give sizes that sum to that")
    variance, mean = torch.var_mean(x, 0)
    total = torch.stack([part.sum() for part in variance.split(list(blocks))]).sqrt()
    total = total.clamp_min(SMALLEST * float(total.max()) or 1.0)
    return Whitening(mean, total.repeat_interleave(torch.tensor(blocks, device=x.device)))


def observations(x: Tensor, *, dims: int, num_units: int) -> Tensor:
    """x [b, d] as float32, where a map of that many units and dimensions can be fitted; else ValueError."""
    if x.ndim != 2 or len(x) <= num_units or not 1 <= dims < x.shape[1] or num_units < dims + 2:
        raise ValueError(
            f"map: x of shape {list(x.shape)} for {num_units} units in {dims} dimensions; give [b, d] with b > units, "
            "d > dims >= 1, units >= dims + 2"
        )
    if not x.isfinite().all():
        raise ValueError(f"map: {int((~x.isfinite()).sum())} numbers of x are NaN or infinite; leave those rows out")
    return x.detach().float()
