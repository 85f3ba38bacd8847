"""Log-sum-exp of all similarities of a batch with itself, in blocks: the n x n matrix is never held.

A softmax over n others needs a row of the matrix at a time, so the matrix can be computed block by block, forgotten,
and computed again in the backward pass (Inf-CL, arXiv:2410.17243, does so on GPUs). It is symmetric: each pair of
blocks is computed once, and serves the rows and the columns.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK = 1024
"""Rows and columns of a block of the matrix: 4 MB in float32. Blocks of 512 and of 2,048 take a tenth longer."""
MAX_RANGE = 80.0
"""Similarities lie in [-1/t, 1/t]; with all exponentials relative to the largest possible one, the smallest is
exp(-2/t), which float32 still holds at 2/t = 80."""


def others_logsumexp(z: Tensor, temperature: float, num_things: int) -> Tensor:
    """[n]: log of the sum over j of exp(z_i . z_j / temperature), differentiable once, without the j that show the same
    thing as i, which are i itself and every ``num_things``-th before and after it.

    z  [n, d] of unit length: views of ``num_things`` < n things, first one view of all of them, then the next.

    Memory O(n d) instead of O(n^2). ValueError at temperatures below 0.025, where the exponentials leave float32.
    """
    if 2 / temperature > MAX_RANGE:
        raise ValueError(f"others_logsumexp: temperature is {temperature}; give at least {2 / MAX_RANGE}")
    return _OthersLogSumExp.apply(z, temperature, num_things)  # type: ignore[no-any-return]


class _OthersLogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, temperature: float, num_things: int) -> Tensor:  # type: ignore[override]
        total = z.new_zeros(len(z))
        for rows, columns, block in _blocks(z, temperature, num_things):
            total[rows] += block.sum(1)
            if rows != columns:
                total[columns] += block.sum(0)
        ctx.save_for_backward(z, total)
        ctx.settings = temperature, num_things
        return total.log() + 1 / temperature

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        z, total = ctx.saved_tensors
        share = gradient / total / ctx.settings[0]
        found = torch.zeros_like(z)
        for rows, columns, block in _blocks(z, *ctx.settings):
            block *= share[rows, None] + share[columns]
            found[rows].addmm_(block, z[columns])
            if rows != columns:
                found[columns].addmm_(block.T, z[rows])
        return found, None, None


def _blocks(z: Tensor, temperature: float, num_things: int) -> Iterator[tuple[slice, slice, Tensor]]:
    """Rows, columns and exp((z_i . z_j - 1) / temperature) of every block on and above the diagonal, 0 where both
    show the same thing. The next block overwrites the last one."""
    memory = z.new_empty(min(BLOCK, len(z)) ** 2)
    last = (len(z) - 1) // num_things * num_things
    for first in range(0, len(z), BLOCK):
        rows = slice(first, min(first + BLOCK, len(z)))
        for second in range(first, len(z), BLOCK):
            columns = slice(second, min(second + BLOCK, len(z)))
            shape = rows.stop - rows.start, columns.stop - columns.start
            block = memory[: shape[0] * shape[1]].view(shape)
            torch.mm(z[rows], z[columns].T, out=block)
            block.sub_(1).div_(temperature).exp_()  # in this order: the difference is exact where it counts
            for apart in range(-last, last + 1, num_things):
                block.diagonal(first + apart - second).zero_()
            yield rows, columns, block
