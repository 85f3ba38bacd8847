"""One batch over several processes: each contrasts its own rows with the rows of all, and gradients reach them all.

DDP averages gradients over processes. So the loss of a process is the mean over its own rows only, and the backward
pass of the gathering adds up what the rows of a process received from the losses of all of them: then the averaged
gradient is that of one process with the whole batch. (Without that sum, the gradient through negatives is lost; with
all rows in every loss, it must not be averaged.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist


@dataclass(frozen=True)
class Processes:
    """gather: [b, ...] of this process -> [world_size * b, ...] of all, in the order of their ranks, every process
    having as many rows; its backward pass sums. ``rank`` of this process."""

    gather: Callable[[Tensor], Tensor]
    rank: int


ALONE = Processes(lambda x: x, 0)


def processes() -> Processes:
    """Those of torch.distributed where it runs with more than one, else `ALONE`."""
    if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1:
        return ALONE
    return Processes(_gather, dist.get_rank())


def _gather(x: Tensor) -> Tensor:
    if x.dtype == torch.bool:  # gloo gathers no booleans
        return _Gather.apply(x.to(torch.uint8)).bool()  # type: ignore[no-any-return]
    return _Gather.apply(x)  # type: ignore[no-any-return]


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # type: ignore[override]
        ctx.rows = len(x)
        every = [torch.empty_like(x) for _ in range(dist.get_world_size())]
        dist.all_gather(every, x.contiguous())
        return torch.cat(every)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total[dist.get_rank() * ctx.rows :][: ctx.rows]
