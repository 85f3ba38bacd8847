"""Observations whose sensors are faulty, as beliefs: what a fusion rule is judged on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from smcrep.corruptions import CORRUPTIONS, corrupt
from smcrep.data.store import Store
from smcrep.models.model import SensorimotorModel
from smcrep.transition import Beliefs, Senses, concatenate

STATES_AT_ONCE = 64
SEVERITIES = (1 / 3, 2 / 3, 1.0)
REPLACED = "another_object"
ABSENT = "absent"


@dataclass(frozen=True)
class Fault:
    """A kind of corruption of one sense, at one severity in 0..1. `ABSENT` and `REPLACED` (the observation of another
    object, confidently wrong) are of severity 1."""

    sense: str
    kind: str
    severity: float

    def __str__(self) -> str:
        return f"{self.sense}.{self.kind}.{self.severity:.2f}"

    @property
    def in_training(self) -> bool:
        """Whether heads were learned on this kind."""
        return self.kind not in (ABSENT, REPLACED) and CORRUPTIONS[self.sense, self.kind].in_training


def all_faults(names: Iterable[str], severities: Iterable[float] = SEVERITIES) -> list[Fault]:
    """Every kind of every sense at each severity, then what happens to whole observations."""
    names, severities = tuple(names), tuple(severities)
    found = [Fault(name, kind.name, s) for name in names for kind in CORRUPTIONS.of(name) for s in severities]
    return found + [Fault(name, kind, 1.0) for kind in (ABSENT, REPLACED) for name in names]


def believe(
    model: SensorimotorModel,
    store: Store,
    *,
    views: int | None = None,
    change: Callable[[Senses], Senses] | None = None,
) -> Beliefs:
    """Beliefs [n] of the first ``views`` observations (None: all) of every state, in the order of the store's states;
    ``change`` is done to observations [b] before, 64 states at once."""
    parts = []
    for first in range(0, store.num_states, STATES_AT_ONCE):
        states = np.arange(first, min(first + STATES_AT_ONCE, store.num_states))
        senses = store.transitions(states, model.config.names).observations
        senses = senses.map(lambda x: x[:, :views]).flatten()
        senses = change(senses) if change else senses
        parts.append(model.embed(senses.data).beliefs)
    return concatenate(parts)


def broken(
    model: SensorimotorModel, store: Store, clean: Beliefs, fault: Fault, *, views: int, seed: int = 0
) -> Beliefs:
    """``clean`` (of `believe` with ``views``) where one sense suffers ``fault`` in every observation. Noise is drawn
    by ``seed``."""
    m = clean.names.index(fault.sense)
    present, mean, log_precision = clean.present.clone(), clean.mean.clone(), clean.log_precision.clone()
    if fault.kind == ABSENT:
        present[:, m] = False
        mean[:, m] = 0
    elif fault.kind == REPLACED:
        other = _of_another_object(np.repeat(store.object_ids, views), np.random.default_rng(seed))
        mean[:, m], log_precision[:, m] = clean.mean[other, m], clean.log_precision[other, m]
    else:
        kind, generator = CORRUPTIONS[fault.sense, fault.kind], torch.Generator().manual_seed(seed)

        def harm(senses: Senses) -> Senses:
            data = senses[fault.sense]
            harmed = kind(data, torch.full((len(data),), fault.severity), generator)
            return Senses({fault.sense: harmed}, {fault.sense: senses.present[fault.sense]})

        found = believe(model, store, views=views, change=harm)
        mean[:, m], log_precision[:, m] = found.mean[:, m], found.log_precision[:, m]
    return Beliefs(mean, log_precision, present, clean.names)


def faulty(model: SensorimotorModel, store: Store, probability: float, *, views: int, seed: int) -> Beliefs:
    """Beliefs where each sense of each observation has, with ``probability``, a fault of the kinds of training."""
    generator = torch.Generator().manual_seed(seed)
    return believe(model, store, views=views, change=lambda senses: corrupt(senses, probability, generator))


def _of_another_object(object_ids: np.ndarray, rng: np.random.Generator) -> Tensor:
    """int64 [n]: a random row of another object for each row."""
    other = rng.permutation(len(object_ids))
    for _ in range(100):
        same = np.flatnonzero(object_ids[other] == object_ids)
        if not len(same):
            return torch.from_numpy(other)
        other[same] = rng.integers(len(object_ids), size=len(same))
    raise ValueError("broken: the store has one object; give one with several, to replace observations by another's")
