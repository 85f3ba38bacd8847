"""What is compared in the zoo: any function of a model and an audited batch that says how collapsed each signal is.

    def my_detector(model, audited): return {name: ... for name in model.signals}      # higher: more collapsed

`model.score` is all that a stranger's model has; features, the gradient's share and the loss curve are there for the
indicators that others use.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from smcrep.probes.collapse.adapter import Adapter, Batch
from smcrep.probes.collapse.counterfactual import counterfactual_ranks
from smcrep.probes.collapse.indicators import rank_me as rank_of
from smcrep.probes.collapse.replacement import derangement, drop, permuted
from smcrep.probes.retrieval import Ranks, rank
from smcrep.zoo.model import OUTCOME, ZooModel


@dataclass(frozen=True)
class Audited:
    """What a detector is handed beside the model.

    batch      arrays by name: those of the signals, and "outcome".
    others     for each signal K other values of it, as the rest of the row allows: what logged data can give.
    outcomes   for each signal the K outcomes that these would have had: what takes a simulator.
    oracle     one who knows the world; who has none leaves it aside.
    generator  for what is drawn.
    known      what several detectors ask, asked once.
    """

    batch: Batch
    others: Mapping[str, list[dict[str, Tensor]]]
    outcomes: Mapping[str, list[dict[str, Tensor]]]
    oracle: Adapter
    generator: torch.Generator
    known: dict[tuple[bool, str], np.ndarray] = field(default_factory=dict)


Detector = Callable[[ZooModel, Audited], dict[str, float]]
"""How collapsed each signal is, higher: more."""

STANDARD_ERRORS, LEAST_COMPETENCE = 3.0, 0.3


def counterfactual_retrieval(model: ZooModel, audited: Audited) -> dict[str, float]:
    """Ours: 1 - U / U of the oracle, between 0 and 1. U is what the true signal gains over one that is no candidate's,
    in H@1 of the true outcome among K - 1 others of the same state: a leak of the outcome gains nothing by it.

    It is 0, no collapse, where the oracle's gain is not 3 standard errors above 0 (nobody could use the signal), and
    where the model does not tell outcomes of other rows apart either (it is incompetent, which is another fault)."""
    return _gated(model, audited, among_outcomes)


def retrieval_from_logs(model: ZooModel, audited: Audited) -> dict[str, float]:
    """The same without a simulator: H@1 of the true signal among K other values of it, each scored with the one outcome
    that there is; above chance. What it cannot do: compare scores of a contrastive model well, which are trained to be
    compared between outcomes."""
    return _gated(model, audited, _among_signals)


def retrieval_without_gates(model: ZooModel, audited: Audited) -> dict[str, float]:
    """1 - U, with no oracle and no gate."""
    return {name: 1 - float(among_outcomes(model, audited, name).mean()) for name in model.signals}


def permutation_drop(model: ZooModel, audited: Audited) -> dict[str, float]:
    """Minus the drop of the score with the signal of another row, as a share of the drop with all of them so (scores of
    models differ in unit)."""
    index = _another_row(audited)
    return _share_of_drop(model, audited, {n: permuted(audited.batch, n, index) for n in model.signals}, index)


def matched_drop(model: ZooModel, audited: Audited) -> dict[str, float]:
    """The same with another value as the rest of the row allows, where the permutation exchanges a whole sense, with
    what else it shows: the fair rival of ours, from the very same data."""
    return _share_of_drop(model, audited, {n: audited.others[n][0] for n in model.signals}, _another_row(audited))


def rank_me(model: ZooModel, audited: Audited) -> dict[str, float]:
    """Minus the RankMe of each signal's features."""
    found = model.embeddings(audited.batch)
    return {name: -rank_of(found[name].numpy()) for name in model.signals}


def gradient_share(model: ZooModel, audited: Audited) -> dict[str, float]:
    """Minus each encoder's share of the gradients over training."""
    return {name: -share for name, share in model.gradient_share.items()}


def loss_curve(model: ZooModel, audited: Audited) -> dict[str, float]:
    """The last validation loss over the first one, the same for all signals: it knows not which."""
    curve = model.curve
    return dict.fromkeys(model.signals, float(curve[-1] / curve[0]))


DETECTORS: dict[str, Detector] = {
    "ours": counterfactual_retrieval,
    "retrieval_from_logs": retrieval_from_logs,
    "retrieval_without_gates": retrieval_without_gates,
    "permutation_drop": permutation_drop,
    "matched_drop": matched_drop,
    "rank_me": rank_me,
    "gradient_share": gradient_share,
    "loss_curve": loss_curve,
}


def competence(model: Adapter, audited: Audited, *, candidates: int = 8) -> float:
    """H@1 of a row's own outcome among those of 7 other rows, from 0, chance, to 1."""
    outcome = audited.batch[OUTCOME]
    others = [{OUTCOME: outcome.roll(shift, 0)} for shift in range(1, candidates)]
    return float(_retrieved(model, audited.batch, {}, others).mean())


def _gated(
    model: ZooModel, audited: Audited, retrieved: Callable[[Adapter, Audited, str], np.ndarray]
) -> dict[str, float]:
    if competence(model, audited) < LEAST_COMPETENCE:
        return dict.fromkeys(model.signals, 0.0)
    found = {}
    for name in model.signals:
        known = retrieved(audited.oracle, audited, name)
        error = float(known.std(ddof=1)) / len(known) ** 0.5
        own, best = float(retrieved(model, audited, name).mean()), float(known.mean())
        found[name] = float(np.clip(1 - own / best, 0, 1)) if best > STANDARD_ERRORS * error else 0.0
    return found


def among_outcomes(adapter: Adapter, audited: Audited, name: str) -> np.ndarray:
    """[b]: told the true signal, less told the last of the others, whose outcome is no candidate; of the model or of
    the oracle of ``audited``."""
    key = adapter is audited.oracle, name
    if key not in audited.known:
        *candidates, _ = audited.outcomes[name]
        told = _retrieved(adapter, audited.batch, {}, candidates)
        audited.known[key] = told - _retrieved(adapter, audited.batch, audited.others[name][-1], candidates)
    return audited.known[key]


def _retrieved(adapter: Adapter, batch: Batch, replaced: Batch, others: Sequence[Batch]) -> np.ndarray:
    """[b] H@1 of the true outcome among others."""
    with torch.no_grad():
        scores = [adapter.score({**batch, **other}, replaced) for other in ({}, *others)]
    return _rescaled(rank(torch.stack(scores, -1).double().numpy(), np.zeros(len(scores[0]), np.int64)))


def _among_signals(adapter: Adapter, audited: Audited, name: str) -> np.ndarray:
    """[b] H@1 of the true signal."""
    return _rescaled(counterfactual_ranks(adapter, audited.batch, audited.others[name]))


def _rescaled(ranks: Ranks) -> np.ndarray:
    """0 for chance, 1 for all."""
    chance = 1 / ranks.num_candidates
    return (ranks.hits(1) - chance) / (1 - chance)


def _share_of_drop(model: Adapter, audited: Audited, replaced: Mapping[str, Batch], index: Tensor) -> dict[str, float]:
    everything = _all_permuted(model, audited.batch, index)
    whole = max(float(drop(model, audited.batch, everything).mean()), 1e-9)
    return {name: -float(drop(model, audited.batch, other).mean()) / whole for name, other in replaced.items()}


def _another_row(audited: Audited) -> Tensor:
    rows = len(next(iter(audited.batch.values())))
    return derangement(torch.zeros(rows, dtype=torch.int64), audited.generator)


def _all_permuted(model: Adapter, batch: Batch, index: Tensor) -> dict[str, Tensor]:
    return {name: values for signal in model.signals for name, values in permuted(batch, signal, index).items()}
