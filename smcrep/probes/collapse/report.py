"""What an audit found, as numbers with intervals, as JSON, and as text."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from smcrep.probes.collapse.advice import advice
from smcrep.probes.collapse.diagnosis import Diagnosis
from smcrep.probes.intervals import Estimate

CANNOT_SEE = {
    "drop.derangement": "a signal that another one repeats; use in a wrong direction; anything at chance",
    "drop.matched_state": "what is not part of the state that was matched; a signal chosen by somebody who saw more",
    "drop.zeros": "whether zeros were ever met in training: a model can do badly on them for that reason alone",
    "drop.mean": "whether the mean was ever met in training; use of a signal whose mean is a common value",
    "share": "a signal that another one repeats: of two copies each reads 0",
    "alone": "use that needs another signal's true value too; the others are at their mean, which may never be met",
    "response": "whether the answer moves the right way: a model that is moved by a signal need not use it",
    "shapley": "synergy from redundancy: half of what two signals bring can mean either",
    "cfr.branches": "use of a signal whose values have no effect; a leak of the signal into the observation after it",
    "cfr.other_rows": "the same, and that a value of another row may be impossible in this state",
    "utilisation": "use that the oracle does not need; the oracle's own faults",
    "worth": "what another oracle could do with the signal",
    "from_others": "relations that no linear map of the other signals, and of products of two, follows",
    "competence": "which signal it comes from; competence that shortcuts bring",
    "rank_share": "which signal the directions stand for; noise of high rank reads as health",
    "stable_rank": "anything but the strongest direction's share of the variance",
    "participation": "weak directions that hold a small signal such as an action",
    "uniformity": "whether what is spread out is signal or noise, and which signal",
    "cone": "collapse without a common mean",
    "dimension": "whose dimensions they are: noise reads as many, few rows as few",
    "lidar": "a signal that is not part of the group's name",
    "gap": "use: senses can be told apart and read all the same",
    "cka": "directions of low variance, where an action often is",
    "rsa": "use in a direction that is wrong: a rotation keeps distances",
}
"""What each reading says nothing about."""


@dataclass(frozen=True)
class UseTest:
    """The sequential test of one signal (`sequential.UseStream`) over the units of the audit in random order.

    verdict     used, collapsed or undetermined.
    error_rate  of a false "used" and of a false "collapsed", each at most.
    num_pairs   units that it took.
    decided_at  number of the unit at which the verdict fell; 0 where it is undetermined.
    """

    verdict: str
    error_rate: float
    num_pairs: int
    decided_at: int


@dataclass(frozen=True)
class SignalReport:
    """Readings by name (a key of `CANNOT_SEE`), the test of use, and what they mean together."""

    readings: dict[str, Estimate]
    test: UseTest
    diagnosis: Diagnosis


@dataclass(frozen=True)
class AuditReport:
    """What `audit` found.

    competence  score with all signals over that of a model that knows nothing; in the score's own unit.
    signals     by name.
    geometry    name of an embedding, or of a pair of them -> readings.
    settings    with which it was made.
    """

    competence: Estimate
    signals: dict[str, SignalReport]
    geometry: dict[str, dict[str, Estimate]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, lists and words; beside each reading what it cannot see."""
        signals = {
            name: {
                "diagnosis": asdict(signal.diagnosis),
                "advice": list(advice(signal.diagnosis.name)),
                "test": asdict(signal.test),
                "readings": _plain(signal.readings),
            }
            for name, signal in self.signals.items()
        }
        return {
            "competence": _plain({"competence": self.competence})["competence"],
            "signals": signals,
            "geometry": {name: _plain(readings) for name, readings in self.geometry.items()},
            "settings": dict(self.settings),
        }

    def text(self) -> str:
        """For a reader: first what each signal's readings mean, then the readings."""
        lines = [f"Competence, above a model that knows nothing: {self.competence}"]
        for name, signal in self.signals.items():
            lines += [
                "",
                f"{name}: {signal.diagnosis.name.replace('_', ' ')}",
                *(f"  {line}" for line in signal.diagnosis.sentences + advice(signal.diagnosis.name)),
            ]
            test = signal.test
            lines.append(
                f"  test of use over {test.num_pairs} units, at most {test.error_rate:.0%} false: {test.verdict}"
            )
            lines += _table(signal.readings)
        for name, readings in self.geometry.items():
            lines += ["", f"geometry of {name}", *_table(readings)]
        tables = [signal.readings for signal in self.signals.values()] + list(self.geometry.values())
        read = dict.fromkeys(name for readings in tables for name in readings)
        lines += ["", "What a reading cannot see:", *(f"  {name:20}{CANNOT_SEE[name]}" for name in read)]
        return "\n".join(lines)


def _plain(readings: Mapping[str, Estimate]) -> dict[str, Any]:
    return {
        name: {"value": e.value, "ci95": list(e.ci95), "n": e.n, "cannot_see": CANNOT_SEE[name]}
        for name, e in readings.items()
    }


def _table(readings: Mapping[str, Estimate]) -> list[str]:
    return [f"  {name:20}{estimate}" for name, estimate in readings.items()]
