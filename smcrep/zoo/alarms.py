"""Alarms in training: how often a healthy run has one, how soon after the end of use it comes, and how far ahead of
what others watch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from smcrep.training.signal_watch import SignalWatch
from smcrep.zoo.watching import Looks
from smcrep.zoo.world import SIGNALS

U_MIN, ALPHA = 0.4, 0.01
LOST_BELOW, USED_ABOVE = 0.2, 0.5
RIVALS = ("loss", "rank", "probe")


@dataclass(frozen=True)
class Run:
    """One model. Looks are counted from 0; None: never.

    healthy  nothing was planted in it.
    fault    look at which its planted fault began.
    lost     look from which the measured use of its victim, once above .5, stays below .2.
    alarms   signal -> look of the alarm.
    pairs    pairs from ``lost`` to the alarm on the victim; left: to the end of training.
    watched  rival -> its statistic at every look, higher: worse; of the victim, or (healthy) of each signal the worst.
    """

    cell: str
    mechanism: str
    victim: str
    healthy: bool
    num_looks: int
    lost: int | None
    alarms: dict[str, int]
    pairs: int | None
    left: int
    watched: dict[str, list[float]]


def runs_of(looks: Looks, cell: str, *, u_min: float = U_MIN, alpha: float = ALPHA) -> list[Run]:
    """The monitor's own test over the pairs of every model: alpha is for all signals of a run together."""
    stream = np.stack(looks.pairs)  # [looks, rows, m, 4]
    num_looks, rows = stream.shape[:2]
    found = []
    for model, specimen in enumerate(looks.stack.specimens):
        alarms, at_pair = {}, {}
        for i, name in enumerate(SIGNALS):
            watch = SignalWatch(u_min=u_min, horizon=num_looks * rows, alpha=alpha / len(SIGNALS))
            watch.update(stream[:, :, model, i].ravel())
            if watch.alarm_at:
                alarms[name], at_pair[name] = (watch.alarm_at - 1) // rows, watch.alarm_at
        lost, pairs = None, None
        if model in looks.known:
            rho = np.stack(looks.rho)[:, looks.known.index(model), SIGNALS.index(specimen.signal)]
            lost = end_of_use(rho)
            if lost is not None and specimen.signal in alarms:
                pairs = max(0, at_pair[specimen.signal] - lost * rows)
        found.append(
            Run(
                cell, specimen.mechanism, specimen.signal, specimen.mechanism == "healthy", num_looks, lost, alarms,
                pairs, 0 if lost is None else (num_looks - lost) * rows, _watched(looks, model, specimen.signal),
            )
        )  # fmt: skip
    return found


def end_of_use(rho: np.ndarray) -> int | None:
    """Of rho [looks]: see `Run`. None for a signal that was never used, or still is."""
    lost = sustained(rho < LOST_BELOW)
    return lost if lost and rho[:lost].max() > USED_ABOVE else None


def sustained(below: np.ndarray) -> int | None:
    """The first index from which on all are true."""
    above = np.flatnonzero(~below)
    first = int(above[-1]) + 1 if len(above) else 0
    return first if first < len(below) else None


def crossing(statistic: np.ndarray, threshold: float) -> int | None:
    """The first look at which a statistic is above the threshold."""
    over = np.flatnonzero(np.asarray(statistic) > threshold)
    return int(over[0]) if len(over) else None


def equal_alarm_thresholds(healthy: list[Run], rate: float) -> dict[str, float]:
    """For each rival the threshold that this share of the healthy runs crosses."""
    highest = {name: [max(run.watched[name]) for run in healthy] for name in RIVALS}
    return {name: float(np.quantile(values, 1 - rate)) for name, values in highest.items()}


def leads(run: Run, thresholds: Mapping[str, float]) -> dict[str, float]:
    """Share of the training from the monitor's alarm on the victim to that of each rival. A rival that gives none is
    censored at the end of training: the lead is at least that. So is ours: then the lead is negative at least."""
    own = run.alarms.get(run.victim, run.num_looks)
    others = {name: crossing(np.array(run.watched[name]), thresholds[name]) for name in thresholds}
    return {name: ((run.num_looks if at is None else at) - own) / run.num_looks for name, at in others.items()}


def to_json(run: Run) -> dict[str, Any]:
    return {**run.__dict__, "watched": {k: [round(x, 4) for x in v] for k, v in run.watched.items()}}


def _watched(looks: Looks, model: int, victim: str) -> dict[str, list[float]]:
    """Rises, from the best value so far: of the loss (smoothed over 3 looks), of minus RankMe, of minus the probe's R2.
    A rise is what one sees without knowing the right level."""
    loss = np.stack(looks.loss)[:, model]
    column = SIGNALS.index(victim) if victim else slice(None)
    levels = {"loss": loss[:, None], "rank": -np.stack(looks.rank)[:, model], "probe": -np.stack(looks.probe)[:, model]}
    found = {}
    for name, level in levels.items():
        level = level if name == "loss" else level[:, column].reshape(len(level), -1)
        smooth = np.stack([level[max(0, i - 2) : i + 1].mean(0) for i in range(len(level))])
        rise = smooth - np.minimum.accumulate(smooth, 0)
        found[name] = rise.max(1).tolist()
    return found
