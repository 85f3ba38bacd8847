"""What a monitor sees of a stack in training, at every look: fresh pairs, and what others would watch."""

import time
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from smcrep.probes.collapse.counterfactual import pairs
from smcrep.probes.retrieval import rank
from smcrep.zoo.knobs import Stack, stacked
from smcrep.zoo.network import Architecture, Parameters, features, losses, observe, predict, similarity
from smcrep.zoo.rows import LATENT, audit_rows, training_rows
from smcrep.zoo.training import Schedule
from smcrep.zoo.truth import functional_use
from smcrep.zoo.world import DIM, SIGNALS, World, branches, draw, together

BRANCHES = 4


@dataclass
class Looks:
    """Every ``every`` steps, of m models.

    pairs  looks x [rows, m, 4], one a fresh state: the mean over 4 branches of the rank of each one's outcome.
    loss   looks x [m], on fresh rows as training has them then, so with its faults: the validation metric of one who
           does not know of them.
    rank   looks x [m, 4], RankMe of each signal's features; probe [m, 4], R2 of each signal from the prediction by
           least squares, half of the rows to fit.
    rho    looks x [m, 4], the truth of the models ``known``.
    seconds, others  spent on pairs, the monitor's own cost, and in all looks together.
    """

    architecture: Architecture
    stack: Stack
    world: World
    schedule: Schedule
    generator: torch.Generator
    every: int = 25
    rows: int = 16
    known: tuple[int, ...] = ()
    steps: list[int] = field(default_factory=list)
    pairs: list[np.ndarray] = field(default_factory=list)
    loss: list[np.ndarray] = field(default_factory=list)
    rank: list[np.ndarray] = field(default_factory=list)
    probe: list[np.ndarray] = field(default_factory=list)
    rho: list[np.ndarray] = field(default_factory=list)
    seconds: float = 0.0
    others: float = 0.0

    def __call__(self, step: int, parameters: Parameters) -> None:
        """A `training.Watch`."""
        if step % self.every:
            return
        self.steps.append(step)
        begun = time.perf_counter()
        self.pairs.append(self._pairs(parameters))
        self.seconds += time.perf_counter() - begun
        self._compare(step, parameters)
        self.others += time.perf_counter() - begun

    def _compare(self, step: int, parameters: Parameters) -> None:
        draws = draw(8 * len(SIGNALS), self.schedule.group_size, self.generator)
        progress = step / self.schedule.steps
        seen = training_rows(draws, self.world, self.stack, progress, self.generator)
        predicted = predict(parameters, seen.inputs, self.architecture, self.stack)
        self.loss.append(self._loss(predicted, seen.outcome, parameters).numpy())
        self.rank.append(_rank_me(features(parameters, seen.inputs, self.stack)).numpy())
        self.probe.append(_readable(predicted, seen.inputs[..., LATENT]).numpy())
        if self.known:
            some = {name: value[list(self.known)] for name, value in parameters.items()}
            chosen = _part(self.stack, self.known)
            truth = functional_use(some, self.architecture, chosen, self.world, self.generator, num_states=200)
            self.rho.append(truth.rho)

    def _pairs(self, parameters: Parameters) -> np.ndarray:
        signals = range(len(SIGNALS))
        draws = together([branches(self.rows, BRANCHES, signal, self.generator) for signal in signals])
        rows = audit_rows(draws, self.world, self.stack)
        predicted = predict(parameters, rows.inputs, self.architecture, self.stack)
        observed = observe(parameters, rows.outcome, self.architecture, self.stack)
        told, seen = (x.unflatten(1, (len(SIGNALS), self.rows, BRANCHES)) for x in (predicted, observed))
        scores = similarity(told[..., None, :], seen[..., None, :, :], self.architecture).numpy()
        true = np.broadcast_to(np.arange(BRANCHES), scores.shape[:-1])
        mean = pairs(rank(scores, true)).mean(-1).round(12)  # thirds that cancel leave 1e-17, which a bet would count
        return mean.transpose(2, 0, 1)  # [m, 4, rows] -> [rows, m, 4]

    def _loss(self, predicted: Tensor, outcome: Tensor, parameters: Parameters) -> Tensor:
        observed = observe(parameters, outcome, self.architecture, self.stack)
        return losses(predicted, observed, self.architecture, self.schedule.group_size).mean(1)


def _rank_me(found: Tensor) -> Tensor:
    """[m, 4] exp of the entropy of the singular values of centred features [m, 4, b, d], as `indicators.rank_me`: 0 of
    features that are constant but for rounding."""
    singular = torch.linalg.svdvals(found - found.mean(2, keepdim=True))
    singular = torch.where(singular > 1e-6 * found.flatten(2).norm(dim=-1, keepdim=True), singular, 0)
    p = singular / singular.sum(-1, keepdim=True).clamp_min(1e-12)
    entropy = torch.exp(-(p * p.clamp_min(1e-12).log()).sum(-1))
    return torch.where(singular.sum(-1) > 0, entropy, 0)


def _readable(predicted: Tensor, latent: Tensor) -> Tensor:
    """[m, 4]: R2 on the second half of the rows of each signal's latent [m, b, 4, 2], from predictions [m, b, 8] by
    least squares on the first half."""
    x = torch.cat([predicted, torch.ones_like(predicted[..., :1])], -1).double()
    y = latent.flatten(2).double()
    half = x.shape[1] // 2
    fit = torch.linalg.lstsq(x[:, :half], y[:, :half]).solution
    error = (x[:, half:] @ fit - y[:, half:]).square().mean(1)
    spread = y[:, half:].var(1, correction=0)
    return (1 - error / spread).unflatten(-1, (len(SIGNALS), DIM)).mean(-1)


def _part(stack: Stack, chosen: tuple[int, ...]) -> Stack:
    return stacked(tuple(stack.specimens[i] for i in chosen))
