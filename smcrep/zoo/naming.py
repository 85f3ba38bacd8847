"""Is what ails a signal named rightly? Thresholds of the diagnosis are fitted on some architectures and mechanisms, and
judged on others.

Right is: the planted mechanism for a victim whose measured use is below .2; "healthy", or "rational_neglect", for what
is used or could not be; "unknown" for a mechanism whose rules are left out. Signals that are partly used are left out.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from smcrep.probes.collapse.diagnosis import (
    DEFAULTS,
    HEALTHY,
    INCOMPETENT,
    MECHANISMS,
    NEGLECT,
    RULES,
    UNKNOWN,
    Evidence,
    Thresholds,
    diagnose,
)
from smcrep.zoo.cases import Case, evidence_in
from smcrep.zoo.mechanisms import DECOYS
from smcrep.zoo.table import fitted_threshold

SOUND = {"healthy": (HEALTHY,), "not identifiable": (NEGLECT, INCOMPETENT), "incompetent": (INCOMPETENT, NEGLECT)}
"""Label of `Truth` -> what a signal of it may be called."""
AS_WELL = {"wrong": (UNKNOWN,), "unheard": ("cut_wire", UNKNOWN)}
"""Decoys that are collapse by their truth -> what they may be called. What is encoded and then kept from the fusion is
a wire that is cut behind the encoder; a signal that is read in a wrong frame has no rule."""


class Sign(NamedTuple):
    """Of which mechanisms a field of the evidence is the sign: high (or low) in ``sick``, in ``either`` it may be both.
    ``log``: it is compared by its order of magnitude."""

    field: str
    high: bool
    sick: tuple[str, ...]
    either: tuple[str, ...] = ()
    log: bool = False


SIGNS = (
    Sign("fall", True, ("late",)),
    Sign("response", False, ("cut_wire",), log=True),
    Sign("weight", False, ("precision",), log=True),
    Sign("from_others", True, ("leak",)),
    Sign("from_others_logged", True, ("confounding",), ("leak",)),
    Sign("copied", True, ("target_copy",)),
    Sign("told", False, ("shuffled", "late", "entanglement", "target_copy"), ("leak", "confounding")),
    Sign("keyed", True, ("entanglement",)),
    Sign("learned", False, ("starvation",), ("cone",), log=True),
    Sign("synergy", True, ("additive",), ("leak",)),
    Sign("interaction", False, ("additive",), log=True),
    Sign("reach", False, ("dimensional",)),
    Sign("cone", True, ("cone",)),
)
SMALLEST = 1e-9
"""In a logarithm."""


def collapsed(cases: Sequence[Case]) -> list[Case]:
    """Victims of a mechanism with measured use below .2, of models that were asked for evidence."""
    return [c for c in cases if c.victim and c.mechanism in MECHANISMS and c.label == "collapsed" and c.evidence]


def sound(cases: Sequence[Case]) -> list[Case]:
    return [c for c in cases if c.label in SOUND and c.evidence]


def fitted(cases: Sequence[Case], start: Thresholds = DEFAULTS) -> Thresholds:
    """Each threshold in the middle between the victims whose sign it is and the other victims, by the best balanced
    accuracy; ``healthy`` between victims and used signals. Where nothing has the sign it stays at ``start``."""
    own = collapsed(cases)
    found: dict[str, float] = {}
    for sign in SIGNS:
        sick = _values([c for c in own if c.mechanism in sign.sick], sign)
        rest = _values([c for c in own if c.mechanism not in sign.sick + sign.either], sign)
        if len(sick) and len(rest):
            side = 1 if sign.high else -1
            value = side * fitted_threshold(side * sick, side * rest)
            found[sign.field] = float(10**value if sign.log else value)
    used = [c.evidence["use"] for c in cases if c.label == "healthy" and c.evidence]
    if used and own:
        found["healthy"] = fitted_threshold(np.array(used), np.array([c.evidence["use"] for c in own]))
        found["ignored"] = min(start.ignored, found["healthy"])
    return replace(start, **found)


def named(case: Case, thresholds: Thresholds, without: Collection[str] = ()) -> str:
    rules = [rule for rule in RULES if rule.mechanism not in without]
    return diagnose(evidence_in(case), thresholds, signal=case.signal, rules=rules).name


def names_held_out(cases: Sequence[Case]) -> list[tuple[Case, str]]:
    """Every case with the name by thresholds that were fitted on other architectures."""
    found = []
    for architecture in sorted({c.architecture for c in cases}):
        thresholds = fitted([c for c in cases if c.architecture != architecture])
        found += [(c, named(c, thresholds)) for c in cases if c.architecture == architecture and c.evidence]
    return found


def unseen_mechanisms(cases: Sequence[Case]) -> list[tuple[Case, str]]:
    """Every victim with the name by thresholds that were fitted on other architectures and other mechanisms, the rules
    of its own left out."""
    found = []
    for case_architecture in sorted({c.architecture for c in cases}):
        others = [c for c in cases if c.architecture != case_architecture]
        for mechanism in MECHANISMS:
            thresholds = fitted([c for c in others if c.mechanism != mechanism])
            own = [c for c in collapsed(cases) if (c.architecture, c.mechanism) == (case_architecture, mechanism)]
            found += [(c, named(c, thresholds, (mechanism,))) for c in own]
    return found


def confusion(names: Sequence[tuple[Case, str]]) -> np.ndarray:
    """int64 [13, 13]: true by said, of all signals that are collapsed by a mechanism, or sound; the last row and column
    are sound signals, and names that are no mechanism."""
    found = np.zeros((len(MECHANISMS) + 1,) * 2, np.int64)
    for case, name in names:
        victim = case.victim and case.mechanism in MECHANISMS and case.label == "collapsed"
        if victim or case.label in SOUND:
            found[_place(case.mechanism if victim else ""), _place(name)] += 1
    return found


def f1(counts: np.ndarray) -> dict[str, float]:
    """Mechanism -> F1 of its name, from `confusion`; of those that have victims. A name on a sound signal of any model
    counts against it."""
    both, true, said = counts.diagonal(), counts.sum(1), counts.sum(0)
    return {m: float(2 * both[i] / (true[i] + said[i])) for i, m in enumerate(MECHANISMS) if true[i]}


def _place(name: str) -> int:
    return MECHANISMS.index(name) if name in MECHANISMS else len(MECHANISMS)


def mislabelled(names: Sequence[tuple[Case, str]]) -> dict[str, list[bool]]:
    """Kind of decoy -> for each victim whether it was called anything but what it may be."""
    found: dict[str, list[bool]] = {}
    for case, name in names:
        if not case.victim or case.mechanism not in DECOYS or case.label == "partial":
            continue
        right = SOUND.get(case.label) or AS_WELL.get(case.mechanism, (UNKNOWN,))
        found.setdefault(case.mechanism, []).append(name not in right)
    return found


def _values(cases: Sequence[Case], sign: Sign) -> np.ndarray:
    values = [_value(evidence_in(c), sign.field) for c in cases]
    known = np.array([v for v in values if v is not None], float)
    return np.log10(np.maximum(known, SMALLEST)) if sign.log else known


def _value(evidence: Evidence, field: str) -> float | None:
    if field == "fall":
        return None if evidence.peak_use is None else evidence.peak_use - evidence.use.value
    return getattr(evidence, field)
