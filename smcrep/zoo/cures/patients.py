"""Models to be treated: a mechanism planted on one signal, and the healthy model of the same world beside each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from smcrep.zoo.knobs import Knobs, Specimen, planted_on
from smcrep.zoo.mechanisms import MECHANISMS
from smcrep.zoo.network import Architecture

FORWARD_ONLY = "forward_only"
HEALTHY = "healthy"
MECHANISMS_CURED = (
    HEALTHY,
    "leak",
    "starvation",
    "late",
    "additive",
    FORWARD_ONLY,
    "confounding",
    "target_copy",
    "precision",
    "dimensional",
    "cut_wire",
)
"""Of the zoo at full dose, and two more: nothing planted, so that what a cure costs a healthy model is seen; and
"forward_only", embeddings of prediction and outcome that are pulled together with nothing that holds them apart."""


@dataclass(frozen=True)
class Patient:
    """mechanism  its name.
    specimen   what is planted.
    twin       the same world, nothing planted: what is possible.
    """

    mechanism: str
    specimen: Specimen
    twin: Specimen

    @property
    def is_late(self) -> bool:
        return self.mechanism == "late"

    @property
    def forward_only(self) -> bool:
        return self.mechanism == FORWARD_ONLY


def patients(signal: str, architecture: Architecture, mechanisms: Sequence[str] = MECHANISMS_CURED) -> list[Patient]:
    """Without "forward_only" where the outcome is predicted as it is: it has no embedding to collapse."""
    found = []
    for name in mechanisms:
        if name == FORWARD_ONLY and architecture.objective != "contrastive":
            continue
        knobs = MECHANISMS[name](1.0) if name in MECHANISMS else Knobs()
        own = Knobs(size=knobs.size, interaction=knobs.interaction, redundant=knobs.redundant, rank=knobs.rank)
        twin = planted_on(signal, HEALTHY, 0.0, own)
        found.append(Patient(name, replace(twin, mechanism=name, dose=1.0, knobs={signal: knobs}), twin))
    return found


def healthy_twins(treated: Sequence[Patient], copies: int = 4) -> list[Patient]:
    """The twins of these as patients themselves: of each world some that differ in the weights they begin with, as one
    alone may be lucky."""
    worlds: dict[Knobs, Patient] = {}
    for patient in treated:
        (knobs,) = patient.twin.knobs.values()
        worlds.setdefault(knobs, Patient(HEALTHY, patient.twin, patient.twin))
    return [patient for patient in worlds.values() for _ in range(copies)]
