"""Utilisation of a signal (action, physics): what it gains the model, as a share of what it gains the oracle."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from smcrep.probes.bootstrap import num_units, resampled_means, widened_interval
from smcrep.probes.intervals import Estimate

Verdict = Literal["used", "ignored", "not identifiable", "undecided"]


@dataclass(frozen=True)
class Utilisation:
    """What the true signal gains the model over a mismatched one, divided by what it gains the oracle.

    1: the model gains as much as knowledge of the simulator does; 0: the signal changes nothing. The four mean
    scores are given too. ``utilisation`` is None where the signal is not identifiable, as the ratio is meaningless.
    """

    verdict: Verdict
    utilisation: Estimate | None
    model_gain: Estimate
    oracle_gain: Estimate
    model_true: float
    model_mismatched: float
    oracle_true: float
    oracle_mismatched: float


def utilisation(
    model_true: np.ndarray,
    model_mismatched: np.ndarray,
    oracle_true: np.ndarray,
    oracle_mismatched: np.ndarray,
    clusters: np.ndarray | None = None,
    *,
    rng: np.random.Generator,
    used_above: float = 0.05,
    ignored_below: float = 0.2,
    standard_errors: float = 3.0,
) -> Utilisation:
    """Scores [q] of the same q queries, higher better (such as `Ranks.hits(1)`), in units that model and oracle share.

    model_true / model_mismatched    the model is given the signal that was applied / that of another state.
    oracle_true / oracle_mismatched  the same for the oracle, which knows the simulator (`collapse.oracle`).
    clusters                         [q] outermost unit of each query (its object); a bootstrap over them, all four
                                     paired.

    Verdict, the first that holds:

    not identifiable  the oracle's gain is at most ``standard_errors`` bootstrap standard errors above 0: the signal
                      does not tell the outcomes apart, so that no model could use it.
    used              the lower end of the interval of the utilisation lies above ``used_above``.
    ignored           the interval lies below ``ignored_below`` and reaches within ``used_above`` of 0.
    undecided         anything else: too few states, or a model that does worse with the true signal.
    """
    columns = np.stack(
        [np.asarray(c, np.float64).ravel() for c in (model_true, model_mismatched, oracle_true, oracle_mismatched)], 1
    )
    if not np.isfinite(columns).all():
        raise ValueError("utilisation: scores hold NaN or infinity; give finite retrieval scores of every query")
    mean, resampled = resampled_means(columns, clusters, rng=rng)
    n = num_units(columns, clusters)
    model, oracle = mean[0] - mean[1], mean[2] - mean[3]
    models, oracles = resampled[:, 0] - resampled[:, 1], resampled[:, 2] - resampled[:, 3]

    identifiable = oracle > max(standard_errors * float(oracles.std()), 1e-9)
    estimate = None
    if identifiable:
        # Bounded below: in a resample where the oracle gains almost nothing the ratio could take any value.
        ratios = models / np.maximum(oracles, oracle / 10)
        estimate = widened_interval(float(model / oracle), ratios, n)
    return Utilisation(
        _verdict(estimate, used_above, ignored_below),
        estimate,
        widened_interval(float(model), models, n),
        widened_interval(float(oracle), oracles, n),
        *(float(m) for m in mean),
    )


def _verdict(utilisation: Estimate | None, used_above: float, ignored_below: float) -> Verdict:
    if utilisation is None:
        return "not identifiable"
    low, high = utilisation.ci95
    if low > used_above:
        return "used"
    if high < ignored_below and high >= -used_above:
        return "ignored"
    return "undecided"


def another_state(num_states: int, rng: np.random.Generator) -> np.ndarray:
    """int64 [s]: for each state the index of another one, each used once (a random cycle)."""
    if num_states < 2:
        raise ValueError(f"another_state: {num_states} states; a mismatched signal needs at least 2")
    order = rng.permutation(num_states)
    mismatched = np.empty(num_states, np.int64)
    mismatched[order] = np.roll(order, 1)
    return mismatched
