"""A world of vectors whose outcome is known in closed form: what each signal does, and nothing else, moves the outcome.

Four signals carry one latent z_i [2] each: an action, a physics vector and two senses. Each sense shows one half of
the context c [2] too, and the half that gates its own latent is shown by the other one. The outcome has four blocks of
2 dimensions, one a signal, its home:

    o_i = tanh(B_i c) + size_i (W_i z_i) * ((1 - t_i) + t_i 1.3 tanh(3 g_i . c)) + sigma eps

so that signal i is worth something in its home alone, more of it in company with the context as the interaction t_i
grows from 0 (none without the context) to 1 (nothing without the context).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import normalize

SIGNALS = ("action", "physics", "sense_1", "sense_2")
SENSES = {2: 0, 3: 1}
"""Signal -> the dimension of the context that it shows."""
DIM = 2
"""Of the context, of each latent, and of each block of the outcome."""
NUM_INPUTS = 3 * DIM
"""Of a sense: its half of the context (0 for the other), its latent, and channels of noise, or of a planted leak."""
OUTCOME_NOISE, SENSOR_NOISE = 0.25, 0.05
CARRIER = (2, 2, 3, 2)
"""For each signal the sense whose noise channels may hold a leak of it, or the key that it is entangled with."""


@dataclass(frozen=True)
class World:
    """base, weight, habit: [4 signals, 2, 2], B and W above, and what makes z a function of c (W and that orthogonal,
    so that z keeps its variance); gate [4 signals, 2], g above, of length 1."""

    base: Tensor
    weight: Tensor
    gate: Tensor
    habit: Tensor

    def effect(self, latent: Tensor, context: Tensor, size: Tensor, interaction: Tensor) -> Tensor:
        """What each signal adds to its home: [..., b, 4, 2].

        latent             [..., b, 4 signals, 2]
        context            [..., b, 2]
        size, interaction  [..., 4 signals], of each model's world.
        """
        size, interaction = size[..., None, :, None], interaction[..., None, :, None]
        moved = torch.einsum("...bsi,sio->...bso", latent, self.weight)
        gate = 1.3 * torch.tanh(3 * torch.einsum("...bi,si->...bs", context, self.gate))[..., None]
        return size * moved * ((1 - interaction) + interaction * gate)

    def static(self, context: Tensor) -> Tensor:
        """The part of the outcome that no signal moves: [..., b, 4, 2]."""
        return torch.tanh(torch.einsum("...bi,sio->...bso", context, self.base))

    def habitual(self, context: Tensor) -> Tensor:
        """Latents [..., b, 4 signals, 2] that follow from the context."""
        return torch.einsum("...bi,sio->...bso", context, self.habit)


@dataclass(frozen=True)
class Draws:
    """What chance decides of b rows in g groups of k, before any model is asked.

    context  [b, 2], alike in a group.
    latent   [b, 4 signals, 2]; in a group a single signal varies, in turn.
    sensed   [b, 2, 4] standard normal, noise of the senses; channels [b, 2, 2], what stands in their noise channels.
    noise    [b, 4, 2] standard normal, of the outcome.
    """

    context: Tensor
    latent: Tensor
    sensed: Tensor
    channels: Tensor
    noise: Tensor
    group_size: int


def make_world(generator: torch.Generator) -> World:
    def normal() -> Tensor:
        return torch.randn(len(SIGNALS), DIM, DIM, generator=generator) / DIM**0.5

    def rotations() -> Tensor:
        return torch.linalg.qr(torch.randn(len(SIGNALS), DIM, DIM, generator=generator)).Q

    gate = normalize(torch.randn(len(SIGNALS), DIM, generator=generator), dim=-1)
    for signal, half in SENSES.items():
        gate[signal] = torch.eye(DIM)[1 - half]
    return World(normal(), rotations(), gate, rotations())


def draw(num_groups: int, group_size: int, generator: torch.Generator) -> Draws:
    """Groups of rows: group g varies signal g mod 4, so that only that signal tells its rows apart."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    g, k, s = num_groups, group_size, len(SIGNALS)
    context = normal(g, 1, DIM).expand(g, k, DIM)
    latent = normal(g, 1, s, DIM).repeat(1, k, 1, 1)
    rows = torch.arange(g)
    latent[rows, :, rows % s] = normal(g, k, DIM)
    return Draws(
        context.reshape(g * k, DIM),
        latent.reshape(g * k, s, DIM),
        normal(g * k, 2, 2 * DIM),
        normal(g * k, 2, DIM),
        normal(g * k, s, DIM),
        k,
    )


def together(parts: Sequence[Draws]) -> Draws:
    """All rows in one, in order."""
    columns = zip(*((p.context, p.latent, p.sensed, p.channels, p.noise) for p in parts), strict=True)
    context, latent, sensed, channels, noise = (torch.cat(column) for column in columns)
    return Draws(context, latent, sensed, channels, noise, parts[0].group_size)


def varied(own: Draws, signal: int, generator: torch.Generator) -> Draws:
    """The same states with another value of one signal, and other noise of the outcome."""
    latent = own.latent.clone()
    latent[:, signal] = torch.randn(latent[:, signal].shape, generator=generator)
    return replace(own, latent=latent, noise=torch.randn(own.noise.shape, generator=generator))


def branches(num_states: int, num_branches: int, signal: int, generator: torch.Generator) -> Draws:
    """Rows [states * branches] that differ within a state in one signal alone: noise of the senses and of the outcome
    is that of the state (paired)."""
    own = draw(num_states, 1, generator)
    n = num_branches
    latent = own.latent.repeat_interleave(n, 0)
    latent[:, signal] = torch.randn(num_states * n, DIM, generator=generator)
    context, sensed, channels, noise = (
        x.repeat_interleave(n, 0) for x in (own.context, own.sensed, own.channels, own.noise)
    )
    return Draws(context, latent, sensed, channels, noise, n)
