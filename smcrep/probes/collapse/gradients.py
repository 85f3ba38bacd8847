"""Gradients by signal: who gets how much of the training, how fast its weights move, and which losses pull apart.

Each takes gradients as they are after ``backward``, or functions that are differentiated here; none changes a model.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

Parts = Mapping[str, Sequence[nn.Parameter]]
"""Signal -> the parameters that read it alone: its encoder, or the columns of a first layer as a parameter."""


def gradient_share(parts: Parts) -> dict[str, float]:
    """Share of each signal in sum_m |g_m|^2 / |theta_m|^2 of the last ``backward`` (the scale of weights cancels, as in
    `speed`), times the number of signals: 1 is an equal share. 0 where no gradient arrives.

    What it cannot see: a signal that is learned has a small gradient too, so read it early in training or summed over
    it (`SpeedMeter`); layers that signals share.
    """
    speeds = {name: speed(parameters) for name, parameters in parts.items()}
    total = sum(speeds.values())
    return {name: len(speeds) * value / total if total > 0 else 0.0 for name, value in speeds.items()}


def speed(parameters: Sequence[nn.Parameter]) -> float:
    """|g|^2 / |theta|^2 over all parameters together (arXiv:2202.05306): how fast they would move, relative to what
    they are. 0 where there is no gradient; inf where weights are all 0 and the gradient is not."""
    gradient = sum(float(p.grad.double().square().sum()) for p in parameters if p.grad is not None)
    weight = sum(float(p.detach().double().square().sum()) for p in parameters)
    return gradient / weight if weight > 0 else (float("inf") if gradient > 0 else 0.0)


class SpeedMeter:
    """Sum over training steps of `speed`, by signal: the conditional learning speed of arXiv:2202.05306."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.sums = dict(parts), dict.fromkeys(parts, 0.0)

    def update(self) -> None:
        """After ``backward``, before the gradients are cleared."""
        for name, parameters in self.parts.items():
            self.sums[name] += speed(parameters)

    def log_ratios(self) -> dict[str, float]:
        """Signal -> log10 of its sum over that of the next in order, the last over the first: 0 where two learn alike
        (|.| > .01 is the imbalance that the paper acts on). inf or -inf where one does not learn at all."""
        names = list(self.sums)
        logs = {n: float(np.log10(s)) if s > 0 else float("-inf") for n, s in self.sums.items()}
        following = dict(pairwise([*names, names[0]]))
        return {n: 0.0 if logs[n] == logs[following[n]] else logs[n] - logs[following[n]] for n in names}


def fisher_trace(log_probabilities: Callable[[], Tensor], parts: Parts, generator: torch.Generator) -> dict[str, float]:
    """Signal -> trace of the Fisher information of its parameters, mean over rows of |d log p(y) / d theta|^2 with y
    drawn from the model's own p, not from labels (those would give the empirical Fisher, another quantity).

    log_probabilities  () -> [b, c] of the model, with a graph. One backward pass a row.

    What it cannot see: whether the answer moves the right way; 0 for a signal that is not wired, and for a model that
    is sure of every answer.
    """
    logs = log_probabilities()
    drawn = torch.multinomial(logs.detach().exp(), 1, generator=generator)[:, 0]
    owners = [name for name, each in parts.items() for _ in each]
    parameters = [p for each in parts.values() for p in each]
    sums = dict.fromkeys(parts, 0.0)
    for i, y in enumerate(drawn.tolist()):
        found = torch.autograd.grad(logs[i, y], parameters, retain_graph=True, allow_unused=True)
        for owner, gradient in zip(owners, found, strict=True):
            sums[owner] += 0.0 if gradient is None else float(gradient.double().square().sum())
    return {name: value / len(drawn) for name, value in sums.items()}


def gramian(losses: Sequence[Tensor], parameters: Sequence[nn.Parameter]) -> np.ndarray:
    """float64 [l, l]: cosines between the gradients of l scalar losses in the shared parameters. Below 0 two losses
    conflict: a step that lowers one raises the other, in first order. 0 for a loss that does not reach them.

    What it cannot see: conflicts that later steps bring; losses, not signals: without a loss that needs it, a signal
    conflicts with nothing.
    """
    rows = []
    for loss in losses:
        found = torch.autograd.grad(loss, list(parameters), retain_graph=True, allow_unused=True)
        pieces = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]
        rows.append(torch.cat([piece.double().flatten() for piece in pieces]))
    gradients = torch.stack(rows)
    unit = gradients / gradients.norm(dim=1, keepdim=True).clamp_min(1e-300)
    return (unit @ unit.mT).numpy(force=True)
