"""From the records of the cures to the table that the audit advises from (`probes.collapse.advice`)."""

from collections.abc import Mapping
from typing import Any

from smcrep.results import Record
from smcrep.zoo.cures.patients import HEALTHY
from smcrep.zoo.cures.records import NONE, merit_of

PREFIX = "collapse.cure."
DIGITS = 4


def known_cures(records: Mapping[str, Record]) -> dict[str, list[dict[str, Any]]]:
    """Mechanism -> rows of `advice.KnownCure`: the best cure, then the best that leaves the data as they are, where
    that is another.

    The best is that of ``collapse.cure.MECHANISM``, chosen on seeds of its own, where that record is there; elsewhere
    the record of most merit, which is chosen on the seeds that it is reported on. Records of other signals than the
    action have another prefix and are left out.
    """
    of_each: dict[str, dict[str, Record]] = {}
    for name, record in records.items():
        mechanism, dot, cure = name.removeprefix(PREFIX).partition(".")
        if name.startswith(PREFIX) and dot and "." not in cure and mechanism != HEALTHY:
            of_each.setdefault(mechanism, {})[cure] = record
    found = {}
    for mechanism, cures in sorted(of_each.items()):
        ranked = sorted((name for name in cures if name != NONE), key=lambda name: -_merit(cures[name]))
        chosen = records.get(PREFIX + mechanism)
        best = str(chosen.controls["cure"]) if chosen else ranked[0]
        names = [best]
        if cures[best].controls["of_the_data"]:
            names += [name for name in ranked if not cures[name].controls["of_the_data"]][:1]
        found[mechanism] = [_row(name, cures) for name in names]
    return found


def _merit(record: Record) -> float:
    return merit_of(record.value, float(record.controls["task_cost"]))


def _row(name: str, cures: Mapping[str, Record]) -> dict[str, Any]:
    record = cures[name]
    low, high = (record.controls[f"task_cost_{side}"] for side in ("low", "high"))
    return {
        "cure": name,
        "use": round(record.value, DIGITS),
        "use_ci95": [round(x, DIGITS) for x in record.ci95 or (record.value, record.value)],
        "cost": round(record.controls["task_cost"], DIGITS),
        "cost_ci95": [round(low, DIGITS), round(high, DIGITS)],
        "of_the_data": bool(record.controls["of_the_data"]),
        "untreated": round(cures[NONE].value, DIGITS),
        "n": record.n,
    }
