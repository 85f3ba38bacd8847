"""Training with a cure: the loop of `zoo.training`, with a place for each thing that a cure changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from smcrep.zoo.cures.alarm import LateWatch
from smcrep.zoo.cures.cure import Cure, Seen, Step
from smcrep.zoo.cures.patients import Patient
from smcrep.zoo.knobs import Stack, stacked
from smcrep.zoo.network import Architecture, Parameters, features, losses, observe, predict_from, start
from smcrep.zoo.rows import training_rows
from smcrep.zoo.training import Schedule, adam_step
from smcrep.zoo.world import SIGNALS, Draws, World, draw

BUFFERS = ("standard.on", "standard.mean", "standard.std", "condition_on")
"""Weights that no gradient changes."""


@dataclass(frozen=True)
class Treated:
    """alarms  share of training at which the monitor spoke, by the index of a late model."""

    stack: Stack
    parameters: Parameters
    alarms: Mapping[int, float]


def treat(
    cure: Cure,
    cases: Sequence[tuple[Patient, float]],
    signal: str,
    architecture: Architecture,
    world: World,
    schedule: Schedule,
    generator: torch.Generator,
) -> Treated:
    """Trains every patient with a strength of the cure: from the start, or a late one from the alarm on."""
    stack = stacked(tuple(patient.specimen for patient, _ in cases))
    given = torch.tensor([strength for _, strength in cases])
    late = [i for i, (patient, _) in enumerate(cases) if patient.is_late]
    free = torch.tensor([patient.forward_only for patient, _ in cases])
    weights = start(architecture, stack, generator) | cure.weights(architecture, stack, generator)
    leaves = {n: value.requires_grad_(n not in BUFFERS) for n, value in weights.items()}
    learned = {n: value for n, value in leaves.items() if value.requires_grad}
    moments = {n: (torch.zeros_like(value), torch.zeros_like(value)) for n, value in learned.items()}
    watch = LateWatch(late, architecture, stack, world, schedule, generator, SIGNALS.index(signal))
    past: list[tuple[float, Draws]] = []
    for number in range(schedule.steps):
        progress = number / schedule.steps
        rate = schedule.lr * stack.lr * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * progress)))
        draws = draw(schedule.groups, schedule.group_size, generator)
        on = given.clone()
        on[[i for i in late if i not in watch.alarms]] = 0
        step = Step(
            progress, SIGNALS.index(signal), on, draws, world, architecture, stack, generator,
            watch.restored, tuple(past) if watch.restored else (),
        )  # fmt: skip
        rows = cure.rows(training_rows(draws, world, stack, progress, generator), step)
        found = features(leaves, rows.inputs, stack)
        used = leaves | cure.layers(leaves, found, step)
        found = cure.features(found, used, step)
        predicted = predict_from(used, found, architecture, stack)
        seen = Seen(rows, found, predicted, observe(used, rows.outcome, architecture, stack))
        loss = losses(predicted, seen.observed, architecture, schedule.group_size)
        loss = torch.where(free[:, None], 1 - torch.cosine_similarity(predicted, seen.observed, -1), loss)
        grads = cure.gradients(cure.slopes(loss, cure.loss(used, seen, step), learned, step), step)
        pace = cure.pace(used, seen, step)
        if not cure.trains(step):
            rate[list(watch.restored)] = 0
        adam_step(learned, grads, moments, number + 1, rate, stack, pace)
        past.append((progress, draws))
        watch.look(number + 1, leaves, goes_back=cure.goes_back)
    done = {n: value.detach() for n, value in leaves.items()}
    return Treated(stack, done, {i: at / schedule.steps for i, at in watch.alarms.items()})
