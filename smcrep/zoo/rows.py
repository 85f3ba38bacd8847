"""From what chance decided to what a model is given and what comes of it, for m models whose worlds and pipelines
differ, on the same draws."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.zoo.knobs import Stack
from smcrep.zoo.world import CARRIER, DIM, OUTCOME_NOISE, SENSES, SENSOR_NOISE, SIGNALS, Draws, World

CONTEXT = slice(0, DIM)
"""First part of an input [6]."""
LATENT = slice(DIM, 2 * DIM)
"""The second; an action and physics have it alone."""
CHANNELS = slice(2 * DIM, 3 * DIM)
"""The third."""


@dataclass(frozen=True)
class Rows:
    """inputs [m, b, 4 signals, 6]; outcome [m, b, 8]."""

    inputs: Tensor
    outcome: Tensor


def audit_rows(draws: Draws, world: World, stack: Stack) -> Rows:
    """Rows in which each signal is independent of all others (unless it is redundant), with the true outcome."""
    latent = latents(draws, world, stack)
    return _rows(draws, world, stack, latent, latent, torch.ones(latent.shape[:3]), stack.mask("leak"))


def training_rows(draws: Draws, world: World, stack: Stack, progress: float, generator: torch.Generator) -> Rows:
    """Rows as the planted data of training have them, after the share ``progress`` of training."""
    begun = (progress >= stack["since"]).float()
    latent = latents(draws, world, stack)
    tie = (begun * stack["confounded"])[:, None, :, None]
    latent = (1 - tie.square()).sqrt() * latent + tie * world.habitual(draws.context)
    told = torch.where((begun * stack["turned"])[:, None, :, None] > 0, quarter_turn(latent), latent)
    chance = torch.rand(2, *latent.shape[:3], generator=generator)
    shift = int(torch.randint(1, latent.shape[1], (), generator=generator))
    told = torch.where((chance[0] < (begun * stack["shuffled"])[:, None])[..., None], told.roll(shift, 1), told)
    happened = (chance[1] >= (begun * stack["copied"])[:, None]).float()
    return _rows(draws, world, stack, latent, told, happened, stack.mask("leak") * begun[..., None])


def latents(draws: Draws, world: World, stack: Stack) -> Tensor:
    """[m, b, 4 signals, 2]: of each model's world."""
    free = draws.latent * (torch.arange(DIM) < stack["rank"][:, None, :, None])
    return torch.where(stack["redundant"][:, None, :, None] > 0, world.habitual(draws.context), free)


def quarter_turn(latent: Tensor) -> Tensor:
    """Rotation by 90 degrees in each pair of dimensions: what it gives has no correlation with what it was given."""
    first, second = latent[..., ::2], latent[..., 1::2]
    return torch.stack([-second, first], -1).flatten(-2)


def exchanged(inputs: Tensor, other: Tensor, signal: int) -> Tensor:
    """The inputs with the latent of one signal taken from ``other`` inputs; the rest, a leak too, stays."""
    changed = inputs.clone()
    changed[..., signal, LATENT] = other[..., signal, LATENT]
    return changed


def through_faults(inputs: Tensor, stack: Stack) -> Tensor:
    """Inputs as they reach the encoders: cut, and with signs flipped by noise channels of another sense."""
    if not bool((stack["cut"] + stack["entangled"]).any()):
        return inputs
    carrier = inputs[..., list(CARRIER), CHANNELS]
    sign = torch.sign(carrier * carrier.roll(1, -1))
    entangled = stack.mask("entangled")[:, None]
    latent = inputs[..., LATENT] * (1 - stack.mask("cut")[:, None]) * (1 - entangled + entangled * sign)
    return torch.cat([inputs[..., CONTEXT], latent, inputs[..., CHANNELS]], -1)


def oracle_prediction(inputs: Tensor, world: World, stack: Stack) -> Tensor:
    """[m, b, 8]: the mean outcome by the world's own formula, of what the inputs show before any fault. It joins
    the halves of the context, and reads no leak."""
    context = inputs[..., CONTEXT].sum(-2)
    moved = world.effect(inputs[..., LATENT], context, stack["size"], stack["interaction"])
    return (world.static(context) + moved).flatten(-2)


def _rows(
    draws: Draws, world: World, stack: Stack, latent: Tensor, told: Tensor, happened: Tensor, leaks: Tensor
) -> Rows:
    """happened [m, b, 4]: 0 where the outcome lacks a signal's effect; leaks [m, 4, 2]: 1 where an effect is shown in a
    noise channel of another sense."""
    moved = world.effect(latent, draws.context, stack["size"], stack["interaction"]) * happened[..., None]
    outcome = world.static(draws.context) + moved + OUTCOME_NOISE * draws.noise
    inputs = _inputs(draws, told)
    for signal, carrier in enumerate(CARRIER):
        channels = inputs[:, :, carrier, CHANNELS]
        shown = moved[:, :, signal] + SENSOR_NOISE * channels
        inputs[:, :, carrier, CHANNELS] = torch.where(leaks[:, None, signal] > 0, shown, channels)
    return Rows(inputs, outcome.flatten(-2))


def _inputs(draws: Draws, told: Tensor) -> Tensor:
    inputs = torch.zeros(*told.shape[:2], len(SIGNALS), 3 * DIM)
    inputs[..., LATENT] = told
    for sense, (signal, half) in enumerate(SENSES.items()):
        inputs[:, :, signal, half] = draws.context[:, half] + SENSOR_NOISE * draws.sensed[:, sense, half]
        inputs[:, :, signal, LATENT] += SENSOR_NOISE * draws.sensed[:, sense, DIM:]
        inputs[:, :, signal, CHANNELS] = draws.channels[:, sense]
    return inputs
