"""Which of its inputs does a policy use? The collapse audit from logged demonstrations alone, without a simulator.

What a demonstration holds says how much each signal is worth: a small network is fitted to one half of the episodes,
and stands for a policy that uses everything. The policy is audited on the other half beside it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.probes.collapse import (
    Adapter,
    AuditData,
    AuditReport,
    AuditSettings,
    KeywordModel,
    audit,
    drop,
    matched_state,
    permuted,
)
from smcrep.probes.collapse.adapter import Batch
from smcrep.probes.collapse.diagnosis import HEALTHY, INCOMPETENT, NEGLECT, TOO_LITTLE
from smcrep.probes.intervals import over_units
from smcrep.vla.bins import ActionBins
from smcrep.vla.policy import Policy, Sources

PICTURE_SIDE = 8
"""Pixels of a side to which the fitted network reduces pictures."""
STEPS, ROWS, LR, WEIGHT_DECAY, WIDTH = 400, 128, 2e-3, 0.02, 48
EVERY = 50
"""Steps after which the fitted network is judged on episodes that it does not learn from."""
MOST_ROWS = 2000
"""Rows that are matched by all their distances."""
MIN_EPISODES = 8
TARGET = "action"
CLEARED = (HEALTHY, NEGLECT)
UNDECIDED = (INCOMPETENT, TOO_LITTLE)


@dataclass(frozen=True)
class Logged:
    """Demonstrations that the policy did not learn from.

    signals  name -> [n, ...]: vectors, pictures in bytes [n, h, w, 3], sentences as their numbers (int64 [n]).
    actions  [n, h, a] chunks that were executed; episode int64 [n].
    """

    signals: Mapping[str, Tensor]
    actions: Tensor
    episode: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Logged":
        """Those rows, by index or as a mask."""
        index = torch.from_numpy(np.flatnonzero(chosen) if chosen.dtype == bool else chosen)
        signals = {name: values[index] for name, values in self.signals.items()}
        return Logged(signals, self.actions[index], self.episode[chosen])


def audit_policy(
    act: Callable[[Batch], Tensor],
    logged: Logged,
    *,
    generator: torch.Generator,
    settings: AuditSettings | None = None,
) -> AuditReport:
    """`probes.collapse.audit` of ``act``, signals by name [b, ...] -> chunks [b, h, a], with intervals over episodes.

    utilisation          of a signal: what the policy loses with the signal of another row, over what the fitted network
                         loses.
    drop.matched_state   lost with the signal of the row that is nearest in all others: what stays on the manifold.

    A signal whose exchange costs the fitted network nothing (another repeats it in these episodes, or nothing depends
    on it) is said to be of no use here: such a policy cannot be told from one that ignores it, from these data.
    """
    episodes = np.unique(logged.episode)
    if len(episodes) < MIN_EPISODES:
        raise ValueError(
            f"policy audit: {len(episodes)} episodes; give at least {MIN_EPISODES}, as half of them are fitted and "
            "intervals are over the others"
        )
    for name, values in (*logged.signals.items(), ("actions", logged.actions)):
        if values.is_floating_point() and not values.isfinite().all():
            raise ValueError(f"policy audit: {name} holds numbers that are not finite; leave those rows out")
    flat = {name for name, values in logged.signals.items() if values.ndim == 1}  # the audit wants an axis more
    signals = {name: x[:, None] if name in flat else x for name, x in logged.signals.items()}
    names, logged = tuple(signals), Logged(signals, logged.actions, logged.episode)
    first = np.isin(logged.episode, episodes[::2])
    fitted, asked = logged.rows(first), logged.rows(~first)
    if len(asked.episode) > MOST_ROWS:
        kept = torch.randperm(len(asked.episode), generator=generator)[:MOST_ROWS].sort().values
        asked = asked.rows(kept.numpy())
    scale = fitted.actions.flatten(0, 1).std(0).clamp_min(1e-6)
    num_kinds = {name: _num_kinds(values) for name, values in logged.signals.items()}
    adapter = of_squares(lambda b: act({n: x[:, 0] if n in flat else x for n, x in b.items()}), names, scale)
    batch = {**asked.signals, TARGET: asked.actions}
    data = AuditData(
        batch,
        units=asked.episode,
        reference=fitted.signals,
        oracle=reference(fitted, scale, num_kinds, generator=generator),
    )
    report = audit(adapter, data, generator=generator, settings=settings or AuditSettings(most_for_shapley=0))
    for name, index in matched(asked).items():
        lost = drop(adapter, batch, permuted(batch, name, index)).numpy(force=True)
        report.signals[name].readings["drop.matched_state"] = over_units(lost, asked.episode)
    return report


def blind_to(report: AuditReport) -> dict[str, bool | None]:
    """Signal -> whether the policy ignores it, or uses much less of it than these data reward; None where that cannot
    be said."""
    found = {name: signal.diagnosis.name for name, signal in report.signals.items()}
    return {name: None if word in UNDECIDED else word not in CLEARED for name, word in found.items()}


def of_squares(act: Callable[[Batch], Tensor], signals: tuple[str, ...], scale: Tensor) -> Adapter:
    """Scored by minus the squared error, in units of ``scale`` [a]. Squares of independent errors add up, so that what
    is lost with a wrong signal does not shrink where the policy is wrong for another reason; absolute errors' does."""

    def error(acted: Tensor, batch: Batch) -> Tensor:
        return ((acted - batch[TARGET]) / scale).square()

    return KeywordModel(lambda **given: act(given), error, signals)


def matched(logged: Logged) -> dict[str, Tensor]:
    """Signal -> for each row the row of another episode that is nearest in all other signals, int64 [n]."""
    episode = torch.from_numpy(logged.episode)[:, None]
    return {name: matched_state(others, episode)[0] for name, others in others_of(logged.signals).items()}


def others_of(signals: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Signal -> float64 [n, d]: all the others as numbers, each of weight one however many numbers it has."""
    parts = {}
    for name, values in signals.items():
        x = as_numbers(values, _num_kinds(values)).double()
        x = (x - x.mean(0)) / x.std(0).clamp_min(1e-6)
        parts[name] = x / x.shape[1] ** 0.5
    rows = len(next(iter(parts.values())))
    nothing = torch.zeros(rows, 1, dtype=torch.float64)
    return {name: torch.cat([nothing, *(x for n, x in parts.items() if n != name)], 1) for name in parts}


def reference(logged: Logged, scale: Tensor, num_kinds: Mapping[str, int], *, generator: torch.Generator) -> Adapter:
    """A policy fitted to ``logged`` that reads every signal, each whole number as one of ``num_kinds``. Of its steps
    the one is kept that is best on a fifth of the episodes, which it does not learn from."""
    raw = {name: as_numbers(values, num_kinds[name]) for name, values in logged.signals.items()}
    means = {name: (x.mean(0), x.std(0).clamp_min(1e-6)) for name, x in raw.items()}

    def sources(batch: Batch) -> Sources:
        given = {n: (as_numbers(batch[n], num_kinds[n]) - means[n][0]) / means[n][1] for n in num_kinds}
        return Sources(given, {})

    held = torch.from_numpy(np.isin(logged.episode, np.unique(logged.episode)[::5]))
    bins = ActionBins.fit(_varied(logged.actions), quantile=0.0)
    low, high = torch.tensor(bins.low), torch.tensor(bins.high)
    policy = Policy(
        {name: x.shape[1] for name, x in raw.items()}, low, high,
        horizon=logged.actions.shape[1], fusion="early", head="tanh", width=WIDTH,
    )  # fmt: skip
    _initialise(policy, generator)
    learn(
        policy, lambda rows: sources({n: x[rows] for n, x in logged.signals.items()}), logged.actions, held, generator
    )
    return of_squares(lambda batch: policy.act(sources(batch)), tuple(logged.signals), scale)


def learn(
    policy: Policy,
    sources: Callable[[Tensor], Sources],
    actions: Tensor,
    held: Tensor,
    generator: torch.Generator,
    num_steps: int = STEPS,
) -> None:
    """Behaviour cloning on the rows that are not ``held`` (bool [n]); ends as it was best on those that are."""
    learned, judged = (~held).nonzero().squeeze(1), held.nonzero().squeeze(1)
    optimiser = torch.optim.AdamW(policy.parameters(), LR, weight_decay=WEIGHT_DECAY)
    best, kept = float("inf"), policy.state_dict()
    padding = torch.zeros(len(actions), actions.shape[1], dtype=torch.bool)
    for step in range(1, num_steps + 1):
        rows = learned[torch.randint(len(learned), (ROWS,), generator=generator)]
        optimiser.zero_grad()
        policy.loss(sources(rows), actions[rows], padding[rows]).backward()
        optimiser.step()
        if step % EVERY == 0 or step == num_steps:
            with torch.no_grad():
                loss = float(policy.loss(sources(judged), actions[judged], padding[judged]))
            if loss < best:
                best, kept = loss, {name: value.clone() for name, value in policy.state_dict().items()}
    policy.load_state_dict(kept)
    policy.eval().requires_grad_(False)


def as_numbers(values: Tensor, num_kinds: int) -> Tensor:
    """float32 [n, d]: pictures in bytes reduced to `PICTURE_SIDE`, whole numbers as one of ``num_kinds``, vectors."""
    if values.dtype == torch.uint8:
        pictures = values.flatten(0, -4).movedim(-1, 1).float() / 255
        return F.adaptive_avg_pool2d(pictures, PICTURE_SIDE).reshape(len(values), -1)
    if not values.is_floating_point():
        return F.one_hot(values.clamp(0, num_kinds - 1), num_kinds).flatten(1).float()
    return values.flatten(1).float()


def _num_kinds(values: Tensor) -> int:
    return 0 if values.is_floating_point() or values.dtype == torch.uint8 else int(values.max()) + 1


def _varied(actions: Tensor) -> Tensor:
    """Actions [n, a] with a range in every number, as a head needs."""
    flat = actions.flatten(0, 1)
    still = flat.amax(0) - flat.amin(0) < 1e-6
    ends = torch.stack([flat.amin(0) - still.float(), flat.amax(0) + still.float()])
    return torch.cat([flat, ends])


def _initialise(policy: Policy, generator: torch.Generator) -> None:
    """Every matrix anew by ``generator``, uniform as torch has it; biases zero."""
    for parameter in policy.parameters():
        if parameter.ndim > 1:
            bound = parameter.shape[1] ** -0.5
            parameter.data.uniform_(-bound, bound, generator=generator)
        else:
            parameter.data.zero_()
