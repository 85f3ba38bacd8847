"""Training of a stack: one loop for all models, each with data, rates and weights of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.zoo.knobs import Stack
from smcrep.zoo.network import Architecture, Parameters, losses, observe, predict, start
from smcrep.zoo.rows import audit_rows, training_rows
from smcrep.zoo.world import World, draw

BETAS, EPSILON = (0.9, 0.999), 1e-8
NUM_POINTS = 20
"""Times at which the validation loss is taken."""


@dataclass(frozen=True)
class Schedule:
    """groups x group_size rows a step; ``lr`` of Adam (arXiv:1412.6980), falling to 0 by a cosine."""

    steps: int = 500
    groups: int = 16
    group_size: int = 8
    lr: float = 1e-2


@dataclass(frozen=True)
class Trained:
    """m models of one architecture.

    curve     [points, m], loss on fresh rows of the audit's kind at the steps ``at``.
    gradient  [m, 4 signals], squared norm of each encoder's gradient over that of its weights, mean over all steps.
    begun     the weights before the first step.
    """

    architecture: Architecture
    stack: Stack
    parameters: Parameters
    curve: Tensor
    at: tuple[int, ...]
    gradient: Tensor
    begun: Parameters


Watch = Callable[[int, Parameters], None]
"""(steps done, weights): called after every step."""


def train(
    architecture: Architecture,
    stack: Stack,
    world: World,
    schedule: Schedule,
    generator: torch.Generator,
    watch: Watch | None = None,
) -> Trained:
    """Rows of a step are drawn once for all models, whose weights begin apart; pipelines make other rows of them."""
    weights = start(architecture, stack, generator)
    begun = {name: value.clone() for name, value in weights.items()}
    leaves = {name: value.requires_grad_() for name, value in weights.items()}
    moments = {name: (torch.zeros_like(value), torch.zeros_like(value)) for name, value in weights.items()}
    held_out = draw(8 * schedule.groups, schedule.group_size, generator)
    validation = audit_rows(held_out, world, stack)
    counted = _counted(stack, schedule)
    points = sorted({max(1, round(schedule.steps * (i + 1) / NUM_POINTS)) for i in range(NUM_POINTS)})
    curve, gradient = [], torch.zeros(len(stack), 4)
    for step in range(schedule.steps):
        progress = step / schedule.steps
        draws = draw(schedule.groups, schedule.group_size, generator)
        rows = training_rows(draws, world, stack, progress, generator)
        predicted = predict(leaves, rows.inputs, architecture, stack)
        observed = observe(leaves, rows.outcome, architecture, stack)
        loss = (losses(predicted, observed, architecture, schedule.group_size) * counted).sum(1)
        found = torch.autograd.grad(loss.sum(), list(leaves.values()), materialize_grads=True)
        grads = dict(zip(leaves, found, strict=True))
        gradient += _speed(grads, leaves) / schedule.steps
        rate = schedule.lr * stack.lr * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * progress)))
        adam_step(leaves, grads, moments, step + 1, rate * (progress < stack.until), stack)
        if step + 1 in points:
            with torch.no_grad():
                predicted = predict(leaves, validation.inputs, architecture, stack)
                observed = observe(leaves, validation.outcome, architecture, stack)
                curve.append(losses(predicted, observed, architecture, schedule.group_size).mean(1))
        if watch:
            with torch.no_grad():
                watch(step + 1, leaves)
    done = {name: value.detach() for name, value in leaves.items()}
    return Trained(architecture, stack, done, torch.stack(curve), tuple(points), gradient, begun)


@torch.no_grad()
def adam_step(
    weights: Mapping[str, Tensor],
    grads: Mapping[str, Tensor],
    moments: Mapping[str, tuple[Tensor, Tensor]],
    step: int,
    rate: Tensor,
    stack: Stack,
    pace: Tensor | None = None,
) -> None:
    """Adam (arXiv:1412.6980, algorithm 1) with a learning rate for each model: rate [m]; ``step`` counts from 1. The
    last layer of a slowed encoder has a part of it; all encoders the share ``pace`` [m, 4 signals], where it is
    given."""
    for name, weight in weights.items():
        first, second = moments[name]
        first.lerp_(grads[name], 1 - BETAS[0])
        second.lerp_(grads[name].square(), 1 - BETAS[1])
        own = rate.view(-1, *[1] * (weight.ndim - 1))
        if name.startswith("encoder.1"):
            own = own * stack["slowed"][..., None, None]
        if pace is not None and name.startswith("encoder"):
            own = own * pace[..., None, None]
        slope = (first / (1 - BETAS[0] ** step)) / ((second / (1 - BETAS[1] ** step)).sqrt() + EPSILON)
        weight.sub_(own * slope)


def _counted(stack: Stack, schedule: Schedule) -> Tensor:
    """[m, b]: weights of the rows of a step, of sum 1: a model with a smaller batch takes its first groups."""
    groups = (stack.batch * schedule.groups).round()
    used = (torch.arange(schedule.groups) < groups[:, None]).float() / groups[:, None]
    return used.repeat_interleave(schedule.group_size, 1) / schedule.group_size


def _speed(grads: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> Tensor:
    """[m, 4 signals]: squared norm of the gradient over that of the weights, of each encoder."""
    names = [name for name in weights if name.startswith("encoder")]
    size, norm = (sum(x[name].detach().square().flatten(2).sum(-1) for name in names) for x in (grads, weights))
    return size / norm  # type: ignore[operator]
