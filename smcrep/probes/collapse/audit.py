"""The whole audit of a model in one call: is each signal used, and if not, why?"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from smcrep.probes.collapse.adapter import Adapter, Batch
from smcrep.probes.collapse.audit_data import AuditData, AuditSettings
from smcrep.probes.collapse.counterfactual import pairs
from smcrep.probes.collapse.diagnosis import DEFAULTS as THRESHOLDS
from smcrep.probes.collapse.diagnosis import Evidence, Thresholds, diagnose
from smcrep.probes.collapse.geometry import geometry
from smcrep.probes.collapse.report import AuditReport, SignalReport, UseTest
from smcrep.probes.collapse.sequential import UseStream
from smcrep.probes.collapse.signal_readings import Scores, from_others, readings_of, shapley_readings
from smcrep.probes.intervals import Estimate, over_units
from smcrep.probes.retrieval import Ranks

DEFAULTS = AuditSettings()
FUSED = "fused"


def audit(
    adapter: Adapter,
    data: AuditData | Batch,
    *,
    generator: torch.Generator,
    settings: AuditSettings = DEFAULTS,
    thresholds: Thresholds = THRESHOLDS,
) -> AuditReport:
    """Audit each signal of ``adapter`` on ``data``, which the model was not trained on.

    Readings of a signal (each with its 95 % interval over ``data.units``):

    drop.derangement    score lost with the signal of another row of the stratum; drop.matched_state: of the nearest
                        state; drop.zeros; drop.mean
    share               drop.derangement over what is lost with all signals of another row at once
    alone               the same with the other signals at their mean
    response            root mean square change of the score over the score's deviation with all signals exchanged
    shapley             Shapley value of the score, absent signals being those of another row
    cfr.branches        CFR@K among ``data.counterfactuals``, or cfr.other_rows among values of other rows
    worth, utilisation  the oracle's drop, and the model's over it
    from_others         R2 of the signal read from the other signals

    Cost: about 6 m + 2^m passes over the rows for m signals, and K more for counterfactuals; no gradients.
    """
    given = data if isinstance(data, AuditData) else AuditData(data)
    given.check(adapter.signals)
    scores = Scores(adapter, given, settings, generator)
    oracle = None if given.oracle is None else Scores(given.oracle, given, settings, generator, scores.indices)
    rng = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
    total, competence = _competence(scores, given)
    shapley = shapley_readings(scores)
    shapes = geometry(given.embeddings, given.embedding_units, groups=given.groups, orbits=given.orbits, rng=rng)
    signals = {}
    for name in adapter.signals:
        readings, ranks = readings_of(scores, oracle, name, rng)
        readings |= {"shapley": shapley[name]} if shapley else {}
        if (
            told := from_others(given.batch, name, adapter.signals, given.units, given.independent_of(name))
        ) is not None:
            readings["from_others"] = told
        evidence = _evidence(readings, given, name, adapter.signals, competence, total, shapes)
        test = _use_test(ranks, given.units if given.test_units is None else given.test_units, settings, rng)
        signals[name] = SignalReport(readings, test, diagnose(evidence, thresholds, signal=name))
    return AuditReport(competence, signals, shapes, asdict(settings))


def _competence(scores: Scores, data: AuditData) -> tuple[Estimate, Estimate]:
    """What all signals bring over those of another row, and the score over the floor."""
    total = over_units(scores.true - scores.none, data.units)
    if data.floor is None:
        return total, total
    return total, over_units(scores.true - data.floor, data.units)


def _use_test(ranks: Ranks, units: np.ndarray | None, settings: AuditSettings, rng: np.random.Generator) -> UseTest:
    """Over the means of the pairs of each unit, in random order."""
    values = pairs(ranks)
    member = np.arange(len(values)) if units is None else np.unique(units, return_inverse=True)[1].ravel()
    means = rng.permutation(np.bincount(member, values) / np.bincount(member))
    stream = UseStream(u_min=settings.u_min, horizon=len(means), alpha=settings.alpha)
    verdict = stream.update(means)
    names = {"used": ("use",), "collapsed": ("collapse", "onset"), "undetermined": ()}[verdict]
    alarms = [int(stream.detectors[name].alarm_at) for name in names if stream.detectors[name].alarm]
    return UseTest(verdict, settings.alpha, len(means), min(alarms, default=0))


def _evidence(
    readings: Mapping[str, Estimate],
    data: AuditData,
    name: str,
    signals: tuple[str, ...],
    competence: Estimate,
    total: Estimate,
    shapes: Mapping[str, Mapping[str, Estimate]],
) -> Evidence:
    of_oracle = "utilisation" in readings
    use = next(readings[key] for key in ("utilisation", "share", "drop.derangement") if key in readings)
    found: dict[str, Any] = {key: readings[key].value for key in ("alone", "response") if key in readings}
    found["needed"] = of_oracle if "worth" in readings else None
    found |= {"from_others": readings["from_others"].ci95[0]} if "from_others" in readings else {}
    if data.logged is not None:
        logged = from_others(data.logged, name, signals, None, data.independent_of(name))
        found |= {} if logged is None else {"from_others_logged": logged.ci95[0]}
    shape = shapes.get(name, shapes.get(FUSED, {}))
    found |= {key: shape[key].value for key in ("rank_share", "cone") if key in shape}
    return Evidence(
        use,
        of_oracle=of_oracle,
        competent=competence.ci95[0] > 0 and total.value > 0,
        **(found | dict(data.facts.get(name, {}))),
    )
