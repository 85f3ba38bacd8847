"""What an audit is given: rows, what belongs to them, and how much is to be measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from smcrep.probes.collapse.adapter import Adapter, Batch
from smcrep.probes.collapse.geometry import Orbit


@dataclass(frozen=True)
class AuditData:
    """``batch`` alone is enough; everything else sharpens what can be said.

    batch            name -> [b, ...]: the signals, and what the model is scored on. None of it seen in training.
    units            [b] object or state of each row, which intervals are over; None: every row is one.
    test_units       [b] rows whose pairs are averaged to one of the sequential test, such as the state where ``units``
                     are objects; None: ``units``.
    strata           int64 [b]: signals are exchanged within a stratum (environment, task); None: there is one.
    state            [b, d], scaled alike: what rows are matched by for `replacement.matched_state`.
    reference        rows of training, for means; None: those of ``batch``.
    counterfactuals  signal -> K replacements of it, other values that were possible in the state of each row, such as
                     the other actions that a simulator branched. Without them values of other rows stand in.
    independent      signals that were drawn without looking at the others, as those with counterfactuals were.
    logged           rows of training, to see whether somebody chose those signals by looking at the others.
    oracle           adapter of a model that knows the world, with the same signals and unit of score.
    floor            score of a model that knows nothing, a number or [b]; None: the mean score of rows that are given
                     the signals of another row.
    embeddings       name (a signal, fused) -> [n, d], with ``embedding_units`` [n] and ``groups`` for `geometry`.
    orbits           signal -> what is predicted for its k values from one state.
    facts            signal -> fields of `Evidence` that were measured elsewhere, such as ``peak_use``.
    """

    batch: Batch
    units: np.ndarray | None = None
    test_units: np.ndarray | None = None
    strata: Tensor | None = None
    state: Tensor | None = None
    reference: Batch | None = None
    counterfactuals: Mapping[str, Sequence[Batch]] = field(default_factory=dict)
    independent: tuple[str, ...] = ()
    logged: Batch | None = None
    oracle: Adapter | None = None
    floor: float | np.ndarray | None = None
    embeddings: Mapping[str, np.ndarray] = field(default_factory=dict)
    embedding_units: np.ndarray | None = None
    groups: np.ndarray | None = None
    orbits: Mapping[str, Orbit] = field(default_factory=dict)
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def num_rows(self) -> int:
        return len(next(iter(self.batch.values())))

    def independent_of(self, name: str) -> bool:
        """Whether the signal was drawn without looking at the others."""
        return name in self.independent or name in self.counterfactuals

    def constant(self, name: str) -> Tensor:
        """[...]: mean of the signal over the reference; zeros for whole numbers (tokens, classes), of which a mean is
        no value. Pictures in bytes have a mean."""
        values = (self.reference or self.batch)[name]
        if not (values.is_floating_point() or values.dtype == torch.uint8):
            return torch.zeros_like(values[0])
        return values.mean(0, dtype=torch.float64).to(values.dtype)

    def check(self, signals: tuple[str, ...]) -> None:
        """ValueError for names that are no signals, and for another number of rows."""
        rows = self.num_rows
        if missing := [name for name in signals if name not in self.batch]:
            raise ValueError(f"audit: no signal {missing[0]!r} in the batch; it has {', '.join(self.batch)}")
        for what in ("counterfactuals", "independent", "orbits", "facts"):
            if unknown := [name for name in getattr(self, what) if name not in signals]:
                raise ValueError(f"audit: {what} of {unknown[0]!r}; the signals are {', '.join(signals)}")
        sized = {f"batch[{name!r}]": values for name, values in self.batch.items()}
        sized |= {"units": self.units, "test_units": self.test_units, "strata": self.strata, "state": self.state}
        for what, values in sized.items():
            if values is not None and len(values) != rows:
                raise ValueError(f"audit: {what} has {len(values)} rows of {rows}; give one a row")


@dataclass(frozen=True)
class AuditSettings:
    """num_derangements  exchanges of each signal among rows, which are averaged and are the K of CFR@K where no
                         counterfactuals are given.
    most_for_shapley   signals up to which Shapley values are computed, 2^m passes.
    alpha              rate of false verdicts of the sequential test of each signal.
    u_min              least share of counterfactuals, more below the true signal than above it, that counts as use.
    rows_at_once       rows that the model is given in one call.
    """

    num_derangements: int = 4
    most_for_shapley: int = 5
    alpha: float = 0.01
    u_min: float = 0.1
    rows_at_once: int = 512
