"""Random search over settings, with the same trials for every method."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import torch

from smcrep.fusion.method import FitSettings

M = TypeVar("M")
Draw = Callable[[torch.Generator], Any]


def log_uniform(low: float, high: float) -> Draw:
    """A number whose logarithm is uniform between those of ``low`` and ``high``."""
    return lambda g: math.exp(math.log(low) + math.log(high / low) * torch.rand((), generator=g).item())


def choice(*values: Any) -> Draw:
    """One of ``values``, each as likely."""
    return lambda g: values[int(torch.randint(len(values), (), generator=g))]


SPACE: Mapping[str, Draw] = {
    "lr": log_uniform(3e-4, 1e-2),
    "sense_dropout": choice(0.0, 0.1, 0.2, 0.4),
    "weight_decay": log_uniform(1e-4, 3e-1),
    "temperature": log_uniform(0.03, 0.3),
    "width": choice(32, 64),
    "num_layers": choice(1, 2),
    "num_tokens": choice(1, 2),
    "skip": choice(True, False),
    "readout": choice("mean", "cls"),
    "whole": choice(True, False),
}
"""The search of every method; a method that does not use a setting is drawn with it all the same."""


@dataclass(frozen=True)
class Tuned(Generic[M]):
    """The best trial, and all of them in order."""

    method: M
    settings: FitSettings
    score: float
    trials: list[tuple[FitSettings, float]] = field(repr=False)


def tune(
    make_method: Callable[[FitSettings, torch.Generator], M],
    space: Mapping[str, Draw],
    trials: int,
    score: Callable[[M], float],
    generator: torch.Generator,
    start: FitSettings | None = None,
) -> Tuned[M]:
    """``trials`` random settings, each made and learned by ``make_method`` and scored on validation objects by
    ``score`` (more is better); the best is kept, the earlier of equal ones. A score that is NaN never wins.

    All settings are drawn before anything is learned, and the first is ``start`` (the defaults without it): generators
    of one seed give every method the same trials.
    """
    first = FitSettings() if start is None else start
    drawn = [first] + [replace(first, **{k: d(generator) for k, d in space.items()}) for _ in range(trials - 1)]
    seeds = torch.randint(2**62, (trials,), generator=generator).tolist()
    best: Tuned[M] | None = None
    done: list[tuple[FitSettings, float]] = []
    for settings, seed in zip(drawn, seeds, strict=True):
        method = make_method(settings, torch.Generator().manual_seed(seed))
        value = score(method)
        done.append((settings, value))
        if value > (-math.inf if best is None else best.score):
            best = Tuned(method, settings, value, done)
    if best is None:
        raise ValueError(f"tune: none of {trials} trials has a score above minus infinity; look at what score returns")
    return best
