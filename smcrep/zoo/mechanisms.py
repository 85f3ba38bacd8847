"""The twelve mechanisms of collapse by their dose, the decoys that look like one, and the healthy controls."""

from collections.abc import Callable, Iterable

from smcrep.zoo.knobs import Knobs, Specimen, planted_on
from smcrep.zoo.world import SIGNALS

LATE = 0.5
"""Share of training after which a late collapse begins."""

MECHANISMS: dict[str, Callable[[float], Knobs]] = {
    "cut_wire": lambda dose: Knobs(cut=dose),
    "shuffled": lambda dose: Knobs(shuffled=dose),
    "leak": lambda dose: Knobs(leak=dose, interaction=0.8),
    "target_copy": lambda dose: Knobs(copied=dose),
    "starvation": lambda dose: Knobs(slowed=10 ** (-5 * dose)),
    "entanglement": lambda dose: Knobs(entangled=dose),
    "confounding": lambda dose: Knobs(confounded=dose, gain=10**-dose),
    "additive": lambda dose: Knobs(additive=1.0, interaction=dose),
    "dimensional": lambda dose: Knobs(hidden=dose),
    "precision": lambda dose: Knobs(gain=10 ** (-5 * dose)),
    "late": lambda dose: Knobs(shuffled=dose, since=LATE),
    "cone": lambda dose: Knobs(offset=10 ** (3.5 * dose)),
}
"""Name -> knobs of the victim at a dose of 0 to 1."""

TURNS: dict[str, Callable[[], Knobs]] = {
    "shuffled": lambda: Knobs(shuffled=1.0, since=LATE),
    "target_copy": lambda: Knobs(copied=1.0, since=LATE),
    "leak": lambda: Knobs(leak=1.0, interaction=0.8, since=LATE),
    "shuffled_small": lambda: Knobs(shuffled=1.0, since=LATE, size=0.5),
}
"""Faults of the data that begin late, after health. With the next two the loss falls; the last is of a signal that is
a quarter of what the others are to the loss."""

DECOYS: dict[str, Callable[[str], Specimen]] = {
    "redundant": lambda s: planted_on(s, "redundant", 0.0, Knobs(redundant=1.0)),
    "uninformative": lambda s: planted_on(s, "uninformative", 0.0, Knobs(size=0.0)),
    "small": lambda s: planted_on(s, "small", 0.0, Knobs(size=0.4)),
    "wrong": lambda s: planted_on(s, "wrong", 0.0, Knobs(turned=1.0)),
    "unheard": lambda s: planted_on(s, "unheard", 0.0, Knobs(unheard=1.0)),
    "low_rank": lambda s: planted_on(s, "low_rank", 0.0, Knobs(rank=1)),
    "untrained": lambda s: planted_on(s, "untrained", 0.0, Knobs(), until=0.02),
    "slow": lambda s: planted_on(s, "slow", 0.0, Knobs(), lr=0.3),
}
"""Name -> specimen. "wrong" (sensitive, but wrong) and "unheard" (encoded, but unused) are collapse by their truth."""


def planted(doses: Iterable[float] = (1.0, 0.5), mechanisms: Iterable[str] = MECHANISMS) -> list[Specimen]:
    return [planted_on(s, name, d, MECHANISMS[name](d)) for name in mechanisms for s in SIGNALS for d in doses]


def turning() -> list[Specimen]:
    """Models that are sound until `LATE`."""
    return [planted_on(s, f"late_{name}", 1.0, make()) for name, make in TURNS.items() for s in SIGNALS]


def decoys() -> list[Specimen]:
    return [make(signal) for make in DECOYS.values() for signal in SIGNALS]


def controls(number: int) -> list[Specimen]:
    """Healthy models over learning rates, widths and batches; each has weights of its own."""
    lr, width, batch = (1.0, 0.6, 1.6), (1.0, 0.6), (1.0, 0.5)
    ways = [(a, b, c) for a in lr for b in width for c in batch]
    return [Specimen(lr=a, width=b, batch=c) for a, b, c in (ways[i % len(ways)] for i in range(number))]
