"""One row a model and signal: what was planted, the truth, and what each detector says."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import torch

from smcrep.probes.collapse.diagnosis import Evidence
from smcrep.probes.intervals import Estimate
from smcrep.zoo.detectors import Audited, Detector
from smcrep.zoo.evidence import evidence_of
from smcrep.zoo.model import ZooModel, audit_batch, oracle_of
from smcrep.zoo.training import Trained
from smcrep.zoo.truth import Truth
from smcrep.zoo.world import SIGNALS, World

NUM_ROWS, NUM_OTHERS = 512, 8


@dataclass(frozen=True)
class Case:
    """cell    name of the stack that it is from, the unit of every interval.
    victim  whether something was planted on this very signal.
    label   by `Truth.label`; rho and response None where they are not given.
    evidence  `diagnosis.Evidence` as `plain` gives it; {} where none was taken."""

    cell: str
    architecture: str
    model: int
    mechanism: str
    dose: float
    signal: str
    victim: bool
    label: str
    rho: float | None
    response: float | None
    competence: float
    scores: dict[str, float]
    evidence: dict[str, Any] = field(default_factory=dict)


def cases_of(
    trained: Trained,
    truth: Truth,
    world: World,
    cell: str,
    detectors: Mapping[str, Detector],
    generator: torch.Generator,
    peaks: np.ndarray | None = None,
) -> list[Case]:
    """Every model of a stack put before every detector, with the same batch. peaks [m, 4 signals]: highest use during
    training; with them the evidence of the diagnosis too."""
    found = []
    for index, specimen in enumerate(trained.stack.specimens):
        model = ZooModel(trained, index)
        drawn = audit_batch(world, trained.stack, index, generator, num_rows=NUM_ROWS, num_others=NUM_OTHERS)
        audited = Audited(*drawn, oracle_of(model, world), generator)
        said = {name: detector(model, audited) for name, detector in detectors.items()}
        known = {} if peaks is None else evidence_of(model, audited, world, peaks[index], generator)
        for i, signal in enumerate(SIGNALS):
            found.append(
                Case(
                    cell,
                    str(trained.architecture),
                    index,
                    specimen.mechanism,
                    specimen.dose,
                    signal,
                    specimen.signal == signal,
                    truth.label(index, i),
                    _number(truth.rho[index, i]),
                    _number(truth.response[index, i]),
                    float(truth.competence[index]),
                    {name: scores[signal] for name, scores in said.items()},
                    plain(known[signal]) if known else {},
                )
            )
    return found


def to_json(cases: Sequence[Case]) -> list[dict[str, Any]]:
    return [asdict(case) for case in cases]


def from_json(rows: Sequence[Mapping[str, Any]]) -> list[Case]:
    return [Case(**row) for row in rows]


def plain(evidence: Evidence) -> dict[str, Any]:
    """For `Case.evidence`."""
    own = {f.name: getattr(evidence, f.name) for f in fields(evidence) if f.name != "use"}
    changed = {name: value for name, value in own.items() if value is not None}
    use = evidence.use
    return {"use": use.value, "use_between": list(use.ci95), "rows": use.n, **changed}


def evidence_in(case: Case) -> Evidence:
    own = dict(case.evidence)
    low, high = own.pop("use_between")
    return Evidence(Estimate(own.pop("use"), (low, high), own.pop("rows")), **own)


def _number(value: float) -> float | None:
    return None if value != value else round(float(value), 4)
