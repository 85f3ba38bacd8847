"""What are detectors of collapse worth? Models with planted collapse, whose truth is measured, before each of them.

    python experiments/zoo.py                   # about half an hour on one core; goes on where it was interrupted

    python experiments/zoo.py --tiny            # a minute; the numbers mean nothing
    SMCREP_PLUGINS=my_detectors python experiments/zoo.py --out runs/mine

A module named by SMCREP_PLUGINS enters detectors of its own: smcrep.zoo.DETECTORS["mine"] = function (`smcrep.zoo`).

A cell is an architecture (fusion and objective) and a seed. Detection: models with twelve mechanisms planted on each of
four signals at two doses, decoys and healthy controls, all trained at once; every signal of every model is put before
every detector. Alarms: healthy models and some whose data turn faulty half way, watched by the monitor as they train.

Leaves in --out cells/KIND.ARCHITECTURE-SEED.json and claims/collapse.json:

    collapse.auc.macro, .worst, .half_dose, .MECHANISM      AUC of ours, the others beside it
    collapse.auc.without_decoys                             the same against healthy signals alone
    collapse.use.spearman                                   with the functional oracle
    collapse.generalisation.gap                             mechanism and architecture held out
    collapse.decoys                                         decoys called collapsed
    collapse.naming.f1, .unknown, .decoys, .gap             what ails a signal, with thresholds fitted elsewhere
    collapse.false_alarms, .delay, .lead_time.*             of the monitor
    collapse.online.overhead                                seconds of the monitor over those of training

Expected: ours tells all mechanisms from health and from decoys; its alarm comes soon after the end of use, and a loss
that sees the faulty data themselves comes sooner.
"""

import argparse
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from smcrep import script
from smcrep.probes.intervals import over_units
from smcrep.provenance import made
from smcrep.results import Record, write_claims, write_json
from smcrep.sweep import finished
from smcrep.zoo import (
    ARCHITECTURES,
    DETECTORS,
    Schedule,
    Specimen,
    decoys,
    functional_use,
    make_world,
    planted,
    stacked,
    train,
    turning,
)
from smcrep.zoo import controls as healthy_controls
from smcrep.zoo.alarms import Run, runs_of
from smcrep.zoo.alarms import to_json as run_to_json
from smcrep.zoo.cases import cases_of, from_json, to_json
from smcrep.zoo.naming_records import naming_records
from smcrep.zoo.network import Architecture, Parameters
from smcrep.zoo.records import alarm_records, curve_records, detector_records
from smcrep.zoo.watching import Looks

DETECTION, HALF_DOSE, ALARMS = "detection", "half_dose", "alarms"
TINY = ("cut_wire", "target_copy", "dimensional")
"""Mechanisms of a tiny run."""
NUM_CONTROLS, NUM_WATCHED = 12, 52
NUM_LOOKS = 10
"""At the use in training, for the highest: the mean of two looks in a row."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [str(architecture) for architecture in ARCHITECTURES]
    parser.add_argument("--out", type=Path, default=Path("runs/zoo"), help="folder of cells and claims")
    parser.add_argument(
        "--seeds", nargs="+", type=script.at_least(0), default=[0, 1, 2], help="of worlds, data and weights"
    )
    parser.add_argument("--architectures", nargs="+", default=names, choices=names, help="which are made")
    parser.add_argument("--tiny", action="store_true", help="few models and steps, to see that it runs")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.seeds, arguments.architectures = [0], names[:2]
    for seed in arguments.seeds:
        for architecture in (a for a in ARCHITECTURES if str(a) in arguments.architectures):
            for kind, work in ((DETECTION, detection), (HALF_DOSE, half_dose), (ALARMS, alarms)):
                path = arguments.out / f"cells/{kind}.{architecture}-{seed}.json"
                if path.exists():
                    continue
                begun = time.monotonic()
                found = work(architecture, seed, f"{architecture}-{seed}", arguments.tiny)
                about = {"variant": f"{kind}.{architecture}", "seed": seed, **made("", begun)}
                write_json(path, about | found)
                print(f"{path.stem}: {about['minutes']:.1f} minutes", flush=True)
    report(arguments.out)


def detection(architecture: Architecture, seed: int, cell: str, tiny: bool) -> dict[str, Any]:
    if tiny:
        specimens = planted((1.0,), TINY) + decoys()[::3] + healthy_controls(4)
    else:
        specimens = planted((1.0,)) + decoys() + healthy_controls(NUM_CONTROLS)
    return audited(architecture, seed, cell, specimens, tiny)


def half_dose(architecture: Architecture, seed: int, cell: str, tiny: bool) -> dict[str, Any]:
    """In the same world, of the same unit of the intervals."""
    return audited(architecture, seed, cell, planted((0.5,), TINY) if tiny else planted((0.5,)), tiny)


def audited(architecture: Architecture, seed: int, cell: str, specimens: list[Specimen], tiny: bool) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    world = make_world(generator)
    stack = stacked(tuple(specimens))
    schedule = Schedule(steps=150 if tiny else Schedule().steps)
    use: list[np.ndarray] = []

    def look(step: int, weights: Parameters) -> None:
        if step % (schedule.steps // NUM_LOOKS) == 0:
            use.append(functional_use(weights, architecture, stack, world, generator, num_states=64).rho)

    trained = train(architecture, stack, world, schedule, generator, look)
    peaks = np.fmax.reduce([(a + b) / 2 for a, b in pairwise(use)])
    truth = functional_use(trained.parameters, architecture, stack, world, generator)
    return {"cases": to_json(cases_of(trained, truth, world, cell, DETECTORS, generator, peaks))}


def alarms(architecture: Architecture, seed: int, cell: str, tiny: bool) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(1000 + seed)
    world = make_world(generator)
    healthy = 4 if tiny else NUM_WATCHED
    specimens = healthy_controls(healthy) + turning()
    schedule = Schedule(steps=150 if tiny else Schedule().steps)
    known = tuple(range(healthy, len(specimens)))
    looks = Looks(architecture, stacked(tuple(specimens)), world, schedule, generator, known=known)
    begun = time.perf_counter()
    train(architecture, looks.stack, world, schedule, generator, looks)
    training = time.perf_counter() - begun - looks.others
    runs = [run_to_json(run) for run in runs_of(looks, cell)]
    return {
        "runs": runs,
        "overhead": looks.seconds / training,
        "rho": [row.tolist() for row in np.nan_to_num(looks.rho)],
    }


def report(out: Path) -> None:
    """Records of all cells that there are."""
    cells = [cell for own in finished(out / "cells").values() for cell in own.values()]
    cases = from_json([case for cell in cells for case in cell.get("cases", ())])
    watched = [cell for cell in cells if "runs" in cell]
    if len(watched) < 2 or len({case.cell for case in cases}) < 2:
        print("one stack of each kind is no sample: records are made from the second on", flush=True)
        return
    seeds = len({cell["seed"] for cell in cells})
    runs = [[Run(**run) for run in cell["runs"]] for cell in watched]
    records = (
        detector_records(cases, seeds)
        | naming_records(cases, seeds)
        | alarm_records([run for own in runs for run in own], seeds)
    )
    curves = [(own, np.array(cell["rho"])) for own, cell in zip(runs, watched, strict=True)]
    records |= curve_records(curves, seeds)
    cost = np.array([cell["overhead"] for cell in watched])
    if len(cost) > 1:
        found = over_units(cost)
        records["collapse.online.overhead"] = Record(found.value, found.ci95, seeds, found.n, "share of training")
    about = {
        "command": f"python experiments/zoo.py --seeds {' '.join(map(str, sorted({c['seed'] for c in cells})))}",
        "commit": cells[-1]["commit"],
        "commits": tuple(dict.fromkeys(cell["commit"] for cell in cells)),
        "machine": cells[-1]["machine"],
        "minutes": round(sum(cell["minutes"] for cell in cells), 2),
    }
    records = {name: Record(**{**record.__dict__, **about}) for name, record in records.items()}
    write_claims(out / "claims/collapse.json", records)
    for name, record in records.items():
        print(f"{name}: {record.value:.3f} {record.ci95 or ''} {record.unit}")


if __name__ == "__main__":
    script.run("zoo", main)
