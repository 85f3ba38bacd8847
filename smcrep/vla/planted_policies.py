"""Demonstrations of which it is known what a policy has to read, and policies that were kept from learning it.

Each frame has five signals: ``vision`` says where a thing lies, ``cloud`` where an obstacle does, ``language`` how the
thing is to be gone at (one of three ways, in several sentences), ``history`` how it drifts, and ``state`` whatever else
a robot logs. The demonstrator goes to R(way) thing + place(way) + obstacle + drift, so that none can be spared but the
last.

A policy is blind to a signal by what it was trained on, never by its wiring:

constant    the signal stood still in training: a covered camera, one sentence for all, things that never drift.
told_twice  the signal was out of step (that of another episode), and ``state`` held what it says: a log that leaks.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.vla.bins import ActionBins
from smcrep.vla.policy import Policy, Sources
from smcrep.vla.policy_audit import Logged, learn

SIGNALS = ("vision", "cloud", "language", "history")
KINDS = ("constant", "told_twice")
NUM_WAYS, NUM_SENTENCES, HORIZON, FRAMES = 3, 5, 4, 5
DIM, NUM_DISTRACTORS = 16, 2
NOISE, ACTION_NOISE = 0.05, 0.05
TURN = 0.5
"""Radians between two ways."""
REACH = 1.5
"""How far their places lie from the middle."""
MEANING = {"vision": 2, "cloud": 2, "language": NUM_WAYS, "history": 2}
"""Numbers that each signal says; a way is one of as many."""


@dataclass(frozen=True)
class Senses:
    """What turns meanings into signals: fixed, the same in training and after it."""

    mixing: dict[str, Tensor]
    sentences: Tensor

    @classmethod
    def draw(cls, generator: torch.Generator) -> "Senses":
        """mixing: signal -> [2 + distractors, DIM]; sentences [ways, sentences, DIM]."""
        seen = MEANING["vision"] + NUM_DISTRACTORS
        mixing = {n: torch.randn(seen, DIM, generator=generator) / seen**0.5 for n in ("vision", "cloud", "history")}
        ways = torch.randn(NUM_WAYS, 1, DIM, generator=generator)
        return cls(mixing, ways + 0.5 * torch.randn(NUM_WAYS, NUM_SENTENCES, DIM, generator=generator))

    def signal(self, name: str, meaning: Tensor, generator: torch.Generator) -> Tensor:
        """[n, DIM] of meaning [n, k]: an embedding that holds it beside other things, bent and noisy."""
        if name == "language":
            said = torch.randint(NUM_SENTENCES, (len(meaning),), generator=generator)
            return self.sentences[meaning.argmax(1), said]
        others = torch.randn(len(meaning), NUM_DISTRACTORS, generator=generator)
        clean = torch.tanh(torch.cat([meaning, others], 1) @ self.mixing[name])
        return clean + NOISE * torch.randn(clean.shape, generator=generator)


def meanings(num: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Of ``num`` episodes, each drawn without looking at the others: signal -> [n, k]."""
    found = {name: torch.randn(num, size, generator=generator) for name, size in MEANING.items()}
    way = torch.randint(NUM_WAYS, (num,), generator=generator)
    return found | {"language": torch.eye(NUM_WAYS)[way]}


def demonstrated(meaning: dict[str, Tensor]) -> Tensor:
    """[n, h, 2]: straight to where the demonstrator goes."""
    way = meaning["language"].argmax(1)
    cos, sin = (TURN * (way - 1)).cos(), (TURN * (way - 1)).sin()
    x, y = meaning["vision"].unbind(1)
    place = REACH * torch.stack([(2 * math.pi / NUM_WAYS * way).cos(), (2 * math.pi / NUM_WAYS * way).sin()], 1)
    goal = torch.stack([cos * x - sin * y, sin * x + cos * y], 1) + place + meaning["cloud"] + meaning["history"]
    return goal[:, None] * torch.linspace(1 / HORIZON, 1, HORIZON)[:, None]


def logged(
    senses: Senses, num_episodes: int, generator: torch.Generator, *, blind_to: str = "", kind: str = KINDS[0]
) -> Logged:
    """Demonstrations of ``num_episodes`` episodes; with ``blind_to`` and ``kind`` those that keep a policy from
    learning that signal."""
    of_episode = meanings(num_episodes, generator)
    if kind == "constant" and blind_to == "language":
        of_episode["language"] = torch.eye(NUM_WAYS)[1:2].expand(num_episodes, -1)
    if kind == "constant" and blind_to == "history":  # nothing drifts; a covered camera hides what still moves
        of_episode["history"] = torch.zeros(num_episodes, MEANING["history"])
    frames = {name: x.repeat_interleave(FRAMES, 0) for name, x in of_episode.items()}
    signals = {name: senses.signal(name, x, generator) for name, x in frames.items()}
    signals["state"] = torch.randn(num_episodes * FRAMES, NUM_WAYS, generator=generator)
    if blind_to and kind == "constant":
        signals[blind_to] = _still(senses, blind_to).expand(num_episodes * FRAMES, -1).clone()
    elif blind_to:
        told = frames[blind_to]
        signals["state"][:, : told.shape[1]] = told
        signals[blind_to] = signals[blind_to].roll(FRAMES, 0)
    actions = demonstrated(frames)
    actions = actions + ACTION_NOISE * torch.randn(actions.shape, generator=generator)
    return Logged(signals, actions, torch.arange(num_episodes).repeat_interleave(FRAMES).numpy())


def _still(senses: Senses, name: str) -> Tensor:
    """[DIM]: what the signal is while it stands still."""
    return senses.sentences[1, 0] if name == "language" else torch.zeros(DIM)


def trained(demonstrations: Logged, generator: torch.Generator, num_steps: int) -> Policy:
    """Behaviour cloning of a small network; its start is torch's own, so seed that."""
    bins = ActionBins.fit(demonstrations.actions.flatten(0, 1), quantile=0.0)
    sizes = {name: x.shape[1] for name, x in demonstrations.signals.items()}
    policy = Policy(
        sizes, torch.tensor(bins.low), torch.tensor(bins.high), horizon=HORIZON, fusion="early", head="tanh"
    )
    held = torch.from_numpy(demonstrations.episode % 10 == 0)
    given = demonstrations.signals
    learn(policy, lambda rows: sources({n: x[rows] for n, x in given.items()}), demonstrations.actions, held, generator,
          num_steps)  # fmt: skip
    return policy


def sources(signals: dict[str, Tensor]) -> Sources:
    return Sources(dict(signals), {})


@torch.no_grad()
def follows(policy: Policy, senses: Senses, generator: torch.Generator, num: int = 500) -> dict[str, float]:
    """Signal -> how far the action follows it, by exact branches of one state in which it alone has another meaning:
    slope of the policy's change on the demonstrator's, 1 as the demonstrator does and 0 where the signal does
    nothing that it should."""
    meaning, others = meanings(num, generator), meanings(num, generator)
    signals = {name: senses.signal(name, x, generator) for name, x in meaning.items()}
    signals["state"] = torch.randn(num, NUM_WAYS, generator=generator)
    acted, shown = policy.act(sources(signals)), demonstrated(meaning)
    found = {}
    for name in SIGNALS:
        branched = policy.act(sources(signals | {name: senses.signal(name, others[name], generator)}))
        wanted = demonstrated(meaning | {name: others[name]}) - shown
        found[name] = float(((branched - acted) * wanted).sum() / wanted.square().sum())
    return found
