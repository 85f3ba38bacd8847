"""The readings of one signal that come from exchanging values and scoring again."""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from smcrep.probes.collapse.adapter import Adapter, Batch
from smcrep.probes.collapse.audit_data import AuditData, AuditSettings
from smcrep.probes.collapse.counterfactual import cfr
from smcrep.probes.collapse.readability import readable
from smcrep.probes.collapse.replacement import derangement, matched_state, permuted, zero_values
from smcrep.probes.collapse.shapley import shapley
from smcrep.probes.collapse.utilisation import utilisation
from smcrep.probes.collapse.worth import products
from smcrep.probes.intervals import Estimate, over_units
from smcrep.probes.retrieval import Ranks, rank

MOST_DIMS = 512
"""Numbers of a signal up to which it is read from the others; pictures are not."""
FEW = 16
"""Numbers of the others up to which their products in pairs, at most 120, are read too."""


class Scores:
    """Scores [b] of an adapter on the rows of an audit, with any signals replaced.

    indices  derangements of the rows, the same for every signal and, where handed on, for model and oracle. Signals
             that are absent together are those of one and the same other row, which fit each other.
    """

    def __init__(
        self,
        adapter: Adapter,
        data: AuditData,
        settings: AuditSettings,
        generator: torch.Generator,
        indices: list[Tensor] | None = None,
    ) -> None:
        self.adapter, self.data, self.settings = adapter, data, settings
        strata = torch.zeros(data.num_rows, dtype=torch.int64) if data.strata is None else data.strata
        self.indices = indices or [derangement(strata, generator) for _ in range(settings.num_derangements)]

    def replaced(self, values: Batch) -> np.ndarray:
        """float64 [b], a chunk of rows at a time."""
        size, pieces = self.settings.rows_at_once, []
        for i in range(0, self.data.num_rows, size):
            batch, other = ({name: v[i : i + size] for name, v in b.items()} for b in (self.data.batch, values))
            with torch.no_grad():
                pieces.append(self.adapter.score(batch, other).double().cpu().numpy())
        scores = np.concatenate(pieces)
        if not np.isfinite(scores).all():
            raise ValueError(f"audit: {(~np.isfinite(scores)).sum()} scores are NaN or infinite; check the model")
        return scores

    def exchanged(self, *names: str, index: Tensor | None = None, held: Batch | None = None) -> np.ndarray:
        """Scores with the signals ``names`` of other rows, and ``held`` values for others."""
        index = self.indices[0] if index is None else index
        moved = {key: value for name in names for key, value in permuted(self.data.batch, name, index).items()}
        return self.replaced({**(held or {}), **moved})

    @cached_property
    def true(self) -> np.ndarray:
        return self.replaced({})

    @cached_property
    def none(self) -> np.ndarray:
        """With all signals of another row."""
        return np.mean([self.exchanged(*self.adapter.signals, index=i) for i in self.indices], 0)


def readings_of(
    scores: Scores, oracle: Scores | None, name: str, rng: np.random.Generator
) -> tuple[dict[str, Estimate], Ranks]:
    """Readings by name, and the ranks of the true signal among its counterfactuals."""
    data, units = scores.data, scores.data.units
    others = [scores.exchanged(name, index=index) for index in scores.indices]
    drop = scores.true - np.mean(others, 0)
    found = {"drop.derangement": over_units(drop, units), **_constants(scores, name)}
    if data.state is not None:
        index, distance = matched_state(data.state, data.batch[name])
        if (known := np.isfinite(distance.cpu().numpy())).sum() > 1:
            matched = (scores.true - scores.exchanged(name, index=index))[known]
            found["drop.matched_state"] = over_units(matched, None if units is None else units[known])
    whole = scores.true - scores.none
    if whole.mean() > 0:
        found["share"] = _ratio(drop, whole, units)
        found["alone"] = _ratio(_alone(scores, name), whole, units)
    changes = np.mean([np.square(scores.true - other) for other in others], 0)
    found["response"] = _response(changes, scores.none, units)
    if oracle is not None:
        found |= _against_oracle(scores, oracle, name, others, rng)
    branched = data.counterfactuals.get(name)
    columns = others if branched is None else [scores.replaced(values) for values in branched]
    ranks = rank(np.stack([scores.true, *columns], -1), np.zeros(data.num_rows, np.int64))
    found["cfr.other_rows" if branched is None else "cfr.branches"] = cfr(ranks, units)
    return found, ranks


def shapley_readings(scores: Scores) -> dict[str, Estimate]:
    """Signal -> its Shapley value; none where there are too many signals."""
    signals = scores.adapter.signals
    if len(signals) > scores.settings.most_for_shapley:
        return {}
    values = shapley(lambda present: scores.exchanged(*(n for n in signals if n not in present)), signals)
    return {name: over_units(value, scores.data.units) for name, value in values.items()}


def from_others(
    batch: Batch, name: str, signals: tuple[str, ...], units: np.ndarray | None, wanted: bool
) -> Estimate | None:
    """`readable` of the signal in all the others and, where they are `FEW` numbers, their products in pairs: what leaks
    is often an effect, which another input gates. None where it was not ``wanted``, is too large, or constant."""
    signal = batch[name].double().flatten(1).numpy(force=True)
    others = [batch[other].double().flatten(1).numpy(force=True) for other in signals if other != name]
    if not wanted or not others or signal.shape[1] > MOST_DIMS or not np.ptp(signal, axis=0).any():
        return None
    told = np.concatenate(others, 1)
    return readable(np.hstack([told, products(told)]) if told.shape[1] <= FEW else told, signal, units)


def _constants(scores: Scores, name: str) -> dict[str, Estimate]:
    batch, units = scores.data.batch, scores.data.units
    mean = {name: scores.data.constant(name).expand_as(batch[name])}
    replaced = {"drop.zeros": zero_values(batch, name)}
    if batch[name].is_floating_point() or batch[name].dtype == torch.uint8:
        replaced["drop.mean"] = mean
    return {key: over_units(scores.true - scores.replaced(values), units) for key, values in replaced.items()}


def _alone(scores: Scores, name: str) -> np.ndarray:
    """[b]: what the signal brings while all others are at their mean."""
    batch = scores.data.batch
    held = {n: scores.data.constant(n).expand_as(batch[n]) for n in scores.adapter.signals if n != name}
    return scores.replaced(held) - scores.exchanged(name, held=held)


def _against_oracle(
    scores: Scores, oracle: Scores, name: str, others: list[np.ndarray], rng: np.random.Generator
) -> dict[str, Estimate]:
    theirs = np.mean([oracle.exchanged(name, index=index) for index in oracle.indices], 0)
    found = utilisation(scores.true, np.mean(others, 0), oracle.true, theirs, scores.data.units, rng=rng)
    readings = {"worth": found.oracle_gain}
    return readings if found.utilisation is None else readings | {"utilisation": found.utilisation}


def _response(changes: np.ndarray, none: np.ndarray, units: np.ndarray | None) -> Estimate:
    """Root of the mean square change over the deviation of the score where all signals are exchanged (a perfect model's
    true score may not vary at all); the interval from that of the mean square."""
    deviation = max(float(none.std()), 1e-12)
    mean = over_units(changes, units)
    value, low, high = (float(np.sqrt(max(x, 0.0))) / deviation for x in (mean.value, *mean.ci95))
    return Estimate(value, (low, high), mean.n)


def _ratio(part: np.ndarray, whole: np.ndarray, units: np.ndarray | None) -> Estimate:
    return over_units(np.stack([part, whole], 1), units, statistic=lambda means: means[..., 0] / means[..., 1])
