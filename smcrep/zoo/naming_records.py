"""Records of the names that the diagnosis gives: right ones, unseen mechanisms, decoys, and what fitting elsewhere
costs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from smcrep.probes.collapse.diagnosis import UNKNOWN
from smcrep.probes.intervals import share_over_units
from smcrep.results import Record
from smcrep.zoo.cases import Case
from smcrep.zoo.naming import (
    DEFAULTS,
    collapsed,
    confusion,
    f1,
    fitted,
    mislabelled,
    named,
    names_held_out,
    unseen_mechanisms,
)
from smcrep.zoo.table import estimate

NUM_RESAMPLES = 200


def naming_records(cases: Sequence[Case], seeds: int) -> dict[str, Record]:
    """collapse.naming.*; none of cases without evidence, or of one architecture."""
    cases = [c for c in cases if c.evidence]
    if len({c.architecture for c in cases}) < 2 or not collapsed(cases):
        return {}
    names = names_held_out(cases)
    of_each = f1(confusion(names))
    macro = _resampled(names)
    everywhere = fitted(cases)
    seen = f1(confusion([(c, named(c, everywhere)) for c in cases]))
    shipped = f1(confusion([(c, named(c, DEFAULTS)) for c in cases]))
    victims = collapsed(cases)
    controls = {**of_each, "victims": len(victims), "with the thresholds of the package": _mean(shipped)}
    found = {"collapse.naming.f1": Record(*_between(macro, cases), seeds, len(victims), "macro F1", controls)}
    gap = float(_mean(seen) - _mean(of_each))
    found["collapse.naming.gap"] = Record(gap, None, seeds, len(victims), "macro F1 seen less held out", dict(seen))
    unseen = unseen_mechanisms(cases)
    shares = {m: float(np.mean([n == UNKNOWN for c, n in unseen if c.mechanism == m])) for m in of_each}
    most = {f"{m}, called most": _most([n for c, n in unseen if c.mechanism == m]) for m in of_each}
    right = np.array([float(n == UNKNOWN) for _, n in unseen])
    share = share_over_units(right, np.array([c.cell for c, _ in unseen]))
    found["collapse.naming.unknown"] = Record(
        share.value, share.ci95, seeds, len(unseen), "share of unseen mechanisms called unknown", {**shares, **most}
    )
    decoys = mislabelled(names)
    if decoys:
        called = {kind: float(np.mean(own)) for kind, own in decoys.items()}
        number = sum(map(len, decoys.values()))
        worst = Record(max(called.values()), None, seeds, number, "share mislabelled, worst kind", called)
        found["collapse.naming.decoys"] = worst
    limits = {name: float(f"{value:.4g}") for name, value in asdict(everywhere).items()}
    found["collapse.naming.thresholds"] = Record(
        limits["healthy"], None, seeds, len(victims), "least use called healthy; the other thresholds beside it", limits
    )
    return found


def _resampled(names: Sequence[tuple[Case, str]]) -> np.ndarray:
    """[1 + r] macro F1: of all, then of resamples of whole stacks."""
    rng, cells = np.random.default_rng(0), sorted({c.cell for c, _ in names})
    counts = np.stack([confusion([pair for pair in names if pair[0].cell == cell]) for cell in cells])
    drawn = [counts[rng.integers(0, len(cells), len(cells))].sum(0) for _ in range(NUM_RESAMPLES)]
    return np.array([_mean(f1(own)) for own in [counts.sum(0), *drawn]])


def _between(values: np.ndarray, cases: Sequence[Case]) -> tuple[float, tuple[float, float]]:
    found = estimate(values, cases)
    return found.value, found.ci95


def _mean(scores: dict[str, float]) -> float:
    return float(np.mean(list(scores.values())))


def _most(names: list[str]) -> str:
    return Counter(names).most_common(1)[0][0]
