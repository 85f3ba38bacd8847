"""An estimate beside those that it is compared with, in one record."""

from collections.abc import Mapping
from typing import Any

from smcrep.probes.intervals import Estimate
from smcrep.results import Record


def bounds(name: str, estimate: Estimate) -> dict[str, float]:
    """A control with its interval, as figures read it: NAME, NAME_low, NAME_high."""
    return {name: estimate.value, f"{name}_low": estimate.ci95[0], f"{name}_high": estimate.ci95[1]}


def compared(found: Mapping[str, Estimate], unit: str, **controls: Any) -> Record:
    """The first of ``found`` as a record; the others, by name, among its controls."""
    (_, ours), *others = found.items()
    for name, estimate in others:
        controls |= bounds(name, estimate)
    return Record(ours.value, ours.ci95, n=ours.n, unit=unit, controls=controls)
