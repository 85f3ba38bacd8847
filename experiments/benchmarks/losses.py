"""How long does NT-Xent of a large batch take, and how much memory, beside lightly's?

    python experiments/benchmarks/losses.py     # some 4 minutes and 3 GiB of memory; --tiny: seconds

Loss and gradient of 4,096 pairs of embeddings of 128 numbers, in turn by ours, which computes the matrix of
similarities in blocks and forgets them, and by lightly's NTXentLoss. `nt_xent.time_ratio` is our time over theirs in
each round. `nt_xent.memory_ratio` is that of what resident memory rises by at its peak, in a process of its own for
each (Linux counts it); `nt_xent.gradient_error` is the distance of our gradient, in float32, from theirs in float64,
relative to its norm.
Required: at most 0.25, 0.125 and 1e-6.
"""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from ratios import Findings, command_line, interleaved, rate
from torch import Tensor

from smcrep import script
from smcrep.objectives import nt_xent

DIM, TEMPERATURE = 128, 0.1
MIB = 1 << 20


def views(num: int) -> tuple[Tensor, Tensor]:
    """Two batches [num, 128] that agree in part."""
    generator = torch.Generator().manual_seed(0)
    za = torch.randn(num, DIM, generator=generator)
    return za, za + 0.5 * torch.randn(num, DIM, generator=generator)


def ours(za: Tensor, zb: Tensor) -> Tensor:
    return nt_xent(za, zb, TEMPERATURE).total


def lightly(za: Tensor, zb: Tensor) -> Tensor:
    from lightly.loss import NTXentLoss

    return NTXentLoss(TEMPERATURE)(za, zb)


WAYS = {"ours": ours, "lightly": lightly}


def gradient(loss: Callable[[Tensor, Tensor], Tensor], za: Tensor, zb: Tensor) -> Tensor:
    za, zb = za.clone().requires_grad_(), zb.clone().requires_grad_()
    return torch.cat(torch.autograd.grad(loss(za, zb), (za, zb)))


def resident(what: str) -> float:
    """Bytes of resident memory: "VmRSS" now, "VmHWM" at its peak since that was last forgotten."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * float(next(line.split()[1] for line in lines if line.startswith(what)))


def _rise(way: str, num: int, found: Connection) -> None:
    gradient(WAYS[way], *views(8))  # what is loaded once does not count
    batch = views(num)
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forgets the peak
    before = resident("VmRSS")
    gradient(WAYS[way], *batch)
    found.send(resident("VmHWM") - before)


def rise(way: str, num: int) -> float:
    """Bytes by which the peak of resident memory rises."""
    context = multiprocessing.get_context("spawn")
    received, sent = context.Pipe(duplex=False)
    process = context.Process(target=_rise, args=(way, num, sent))
    process.start()
    found = received.recv()
    process.join()
    return found


def main() -> None:
    arguments = command_line(__doc__).parse_args()
    findings = Findings(arguments)
    num, rounds = (1000, 2) if arguments.tiny else (4096, 7)
    batch = views(num)
    ways = {name: lambda way=way: rate(1, lambda: gradient(way, *batch)) for name, way in WAYS.items()}
    findings.ratio("nt_xent.time_ratio", interleaved(ways, rounds), "lightly", "ours", bar="<= 0.25")
    pairs = np.array([[rise(name, num) for name in WAYS] for _ in range(1 if arguments.tiny else 3)])
    controls = {f"{name}_mib": float(np.median(pairs[:, i])) / MIB for i, name in enumerate(WAYS)}
    findings.add("nt_xent.memory_ratio", pairs[:, 0] / pairs[:, 1], controls, bar="<= 0.125")
    exact = gradient(lightly, *(x.double() for x in batch))
    errors = {name: float((gradient(way, *batch) - exact).norm() / exact.norm()) for name, way in WAYS.items()}
    findings.add(
        "nt_xent.gradient_error",
        np.array([errors["ours"]]),
        {"lightly_float32": errors["lightly"]},
        unit="relative L2 distance",
        bar="<= 1e-6",
    )
    findings.end()


if __name__ == "__main__":
    script.run("losses", main)
