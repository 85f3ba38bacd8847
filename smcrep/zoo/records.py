"""Records of the zoo, from its cells."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from smcrep.probes.bootstrap import resampled_means, widened_interval
from smcrep.probes.intervals import Estimate, share_over_units
from smcrep.results import Record
from smcrep.zoo.alarms import ALPHA, RIVALS, U_MIN, Run, crossing, equal_alarm_thresholds, leads
from smcrep.zoo.cases import Case
from smcrep.zoo.mechanisms import DECOYS, LATE, MECHANISMS
from smcrep.zoo.table import (
    NUM_RESAMPLES,
    along_doses,
    aucs,
    estimate,
    fitted_threshold,
    held_out,
    negatives,
    positives,
    spearman,
)
from smcrep.zoo.world import SIGNALS

OURS = "ours"
RIVAL_RATE = ALPHA
"""Share of healthy runs in which each rival of the monitor is allowed an alarm: what ours guarantees."""
SEED = 0


def detector_records(cases: Sequence[Case], seeds: int) -> dict[str, Record]:
    """collapse.auc.*, use.spearman, generalisation.gap, decoys: ours, with all other detectors beside it."""
    detectors = list(cases[0].scores)
    families = [f for f in MECHANISMS if positives(cases, f)]
    if not families:
        return {}
    whole = {name: aucs(cases, name, families, rng=_rng()) for name in detectors}
    records = {
        "collapse.auc.macro": _auc(whole, cases, seeds, np.nanmean, "macro AUC"),
        "collapse.auc.worst": _auc(whole, cases, seeds, np.nanmin, "AUC of the worst mechanism"),
    }
    for i, family in enumerate(families):
        took = {"took": len(positives(cases, family)), "planted": _planted(cases, family)}
        one = {name: values[:, i : i + 1] for name, values in whole.items()}
        records[f"collapse.auc.{family}"] = _auc(one, cases, seeds, np.nanmean, "AUC", took)
    plain = {name: aucs(cases, name, families, labels=("healthy",), rng=_rng()) for name in detectors}
    records["collapse.auc.without_decoys"] = _auc(plain, cases, seeds, np.nanmean, "macro AUC against healthy signals")
    halves = [f for f in MECHANISMS if positives(cases, f, dose=0.5)]
    if halves:
        half = {name: aucs(cases, name, halves, dose=0.5, rng=_rng()) for name in detectors}
        records["collapse.auc.half_dose"] = _auc(half, cases, seeds, np.nanmean, "macro AUC at half the dose")
    doses = along_doses(cases, MECHANISMS)
    found = estimate(spearman(doses, OURS, rng=_rng()), cases)
    controls = {name: float(spearman(doses, name)[0]) for name in detectors if name != OURS}
    if any(c.response is not None for c in doses):
        controls["with the response, regression"] = float(spearman(doses, OURS, response=True)[0])
    controls["all signals, most of them healthy"] = float(spearman(cases, OURS)[0])
    records["collapse.use.spearman"] = _record(found, seeds, "rank correlation with rho along doses", controls)
    return records | _generalisation(cases, detectors, families, seeds) | _decoys(cases, families, seeds)


def alarm_records(runs: Sequence[Run], seeds: int) -> dict[str, Record]:
    """collapse.false_alarms, delay, lead_time."""
    healthy = [run for run in runs if run.healthy]
    units = np.array([run.cell for run in healthy])
    false = np.array([float(bool(run.alarms)) for run in healthy])
    several = len(set(units)) > 1
    share = share_over_units(false, units if several else None)
    bound = float(stats.beta.ppf(0.95, false.sum() + 1, len(false) - false.sum()))
    controls: dict[str, Any] = {"runs": len(false), "guaranteed": ALPHA, "upper bound, 95 %": bound, "u_min": U_MIN}
    records = {"collapse.false_alarms": _record(share, seeds, "share of healthy runs", controls)}
    lost = [run for run in runs if run.lost is not None and not run.healthy]
    if len(lost) < 2:
        return records
    times = np.array([run.left if run.pairs is None else run.pairs for run in lost])
    missed = np.array([run.pairs is None for run in lost])
    chosen = _rng().integers(0, len(lost), (NUM_RESAMPLES, len(lost)))
    drawn = np.array([censored_median(times[rows], missed[rows]) for rows in chosen])
    median, never = censored_median(times, missed), float(np.isinf(drawn).mean())
    if np.isfinite(median):
        low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")
        interval = (float(low), float(high)) if np.isfinite(high) else None
        controls = {"missed": int(missed.sum()), "runs": len(lost), "resamples without a median": never}
        unit = "pairs, median of Kaplan and Meier; misses are censored at the end of training"
        records["collapse.delay"] = Record(median, interval, seeds, len(lost), unit, controls)
    thresholds = equal_alarm_thresholds(healthy, RIVAL_RATE)
    faults = dict.fromkeys(run.mechanism for run in lost)
    for name in RIVALS:
        records[f"collapse.lead_time.{name}"] = _lead(lost, name, thresholds, seeds)
        for fault in faults if name == "loss" else ():
            own = [run for run in lost if run.mechanism == fault]
            if len({run.cell for run in own}) > 1:
                records[f"collapse.lead_time.{name}.{fault}"] = _lead(own, name, thresholds, seeds)
    records["collapse.lead_time"] = records["collapse.lead_time.loss"]
    return records


def _lead(runs: Sequence[Run], rival: str, thresholds: Mapping[str, float], seeds: int) -> Record:
    ahead = np.array([leads(run, thresholds)[rival] for run in runs])
    cells = np.array([run.cell for run in runs])
    mean, resampled = resampled_means(ahead, cells if len(set(cells)) > 1 else None, rng=_rng())
    found = widened_interval(float(mean[0]), resampled[:, 0], len(runs))
    controls = {
        "ours first": float((ahead > 0).mean()),
        "ours missed": sum(run.pairs is None for run in runs),
        "rival silent": float(np.mean([crossing(np.array(r.watched[rival]), thresholds[rival]) is None for r in runs])),
    }
    return _record(found, seeds, "share of training ahead of it", controls)


def censored_median(times: np.ndarray, censored: np.ndarray) -> float:
    """Median of Kaplan and Meier (1958): the first time by which half have happened; inf where it never comes to that.
    A time that is ``censored`` is only known to be longer."""
    survival = stats.ecdf(stats.CensoredData.right_censored(times, censored)).sf
    half = np.flatnonzero(survival.probabilities <= 0.5 + 1e-12)
    return float(survival.quantiles[half[0]]) if len(half) else float("inf")


def curve_records(watched: Sequence[tuple[Sequence[Run], np.ndarray]], seeds: int) -> dict[str, Record]:
    """collapse.use_over_training.FAULT: for each run whose use ended, the measured use of the victim at every look and
    the time of the alarm, for a picture. watched: runs of a stack, and rho [looks, models with a fault, 4]."""
    curves: dict[str, list[tuple[list[float], float | None]]] = {}
    for runs, rho in watched:
        faulty = [run for run in runs if not run.healthy]
        for i, run in enumerate(faulty):
            if run.lost is not None:
                at = run.alarms.get(run.victim)
                own = [round(float(x), 3) for x in rho[:, i, SIGNALS.index(run.victim)]]
                alarm = None if at is None else round((at + 1) / run.num_looks, 3)
                curves.setdefault(run.mechanism, []).append((own, alarm))
    found = {}
    for mechanism, own in curves.items():
        alarms = [alarm for _, alarm in own]
        controls = {"rho": [rho for rho, _ in own], "alarm": alarms, "fault": LATE}
        share = float(np.mean([alarm is not None for alarm in alarms]))
        record = Record(share, seeds=seeds, n=len(own), unit="share of runs with an alarm", controls=controls)
        found[f"collapse.use_over_training.{mechanism}"] = record
    return found


def _auc(
    found: Mapping[str, np.ndarray],
    cases: Sequence[Case],
    seeds: int,
    over: Any,
    unit: str,
    more: Mapping[str, Any] | None = None,
) -> Record:
    controls = {name: round(float(over(values[0])), 4) for name, values in found.items() if name != OURS}
    values = np.array([over(row) for row in found[OURS] if np.isfinite(row).any()])
    return _record(estimate(values, cases), seeds, unit, controls | dict(more or {}))


def _generalisation(
    cases: Sequence[Case], detectors: Sequence[str], families: Sequence[str], seeds: int
) -> dict[str, Record]:
    """How much a threshold loses on a mechanism and an architecture that it was not fitted on."""
    found = {name: held_out(cases, name, families) for name in detectors}
    if not found[OURS]:
        return {}
    gap = {name: np.array([seen - unseen for seen, unseen in own.values()]) for name, own in found.items()}
    units = np.array([architecture for _, architecture in found[OURS]])
    mean, resampled = resampled_means(gap[OURS], units, rng=_rng())
    controls: dict[str, Any] = {f"{name}, gap": float(values.mean()) for name, values in gap.items() if name != OURS}
    for name, own in found.items():
        controls[f"{name}, balanced accuracy held out"] = float(np.mean([unseen for _, unseen in own.values()]))
        controls[f"{name}, worst held out"] = float(min(unseen for _, unseen in own.values()))
    interval = widened_interval(float(mean[0]), resampled[:, 0], len(set(units)))
    return {"collapse.generalisation.gap": _record(interval, seeds, "AUC of the decision", controls)}


def _decoys(cases: Sequence[Case], families: Sequence[str], seeds: int) -> dict[str, Record]:
    """Share of decoys that are no collapse by their truth, and called one by the threshold of all cases."""
    scores = [c.scores[OURS] for f in families for c in positives(cases, f)]
    threshold = fitted_threshold(np.array(scores), np.array([c.scores[OURS] for c in negatives(cases)]))
    kinds = {kind: [c for c in negatives(cases) if c.mechanism == kind] for kind in DECOYS}
    called = {kind: [c.scores[OURS] >= threshold for c in own] for kind, own in kinds.items() if own}
    if not called:
        return {}
    shares = {kind: float(np.mean(own)) for kind, own in called.items()}
    rows = np.concatenate([np.array(own, float) for own in called.values()])
    units = np.array([c.cell for kind in called for c in kinds[kind]])
    share = share_over_units(rows, units if len(set(units)) > 1 else None)
    return {"collapse.decoys": _record(share, seeds, "share called collapsed", {"threshold": threshold, **shares})}


def _planted(cases: Sequence[Case], family: str) -> int:
    return sum(c.victim and c.mechanism == family and c.dose == 1.0 for c in cases)


def _record(found: Estimate, seeds: int, unit: str, controls: Mapping[str, Any]) -> Record:
    return Record(found.value, found.ci95, seeds=seeds, n=found.n, unit=unit, controls=dict(controls))


def _rng() -> np.random.Generator:
    return np.random.default_rng(SEED)
