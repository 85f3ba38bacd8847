"""Which cure brings a collapsed signal back, and what does it cost? Models of the zoo, each mechanism with each cure.

    python experiments/cures.py                     # twenty minutes on one core; goes on where it was interrupted
    python experiments/cures.py --signals physics --out runs/cures_physics
    python experiments/cures.py --tiny              # half a minute; the numbers mean nothing
    python experiments/cures.py --advice            # seconds: what audits advise, anew from the published records

A cell is a signal, an architecture, a cure and a seed (a world, data and weights): all mechanisms are planted on the
signal and trained with the cure, from the start or, in late collapse, from the alarm of the monitor on. The strength of
each cure, and the best cure of a mechanism, are chosen on ``--selection`` seeds and reported on ``--seeds``.

Leaves in --out cells/SIGNAL.ARCHITECTURE.CURE-SEED.json, claims/collapse.json and figures/cures.png with cures.csv:

    collapse.cure.MECHANISM.CURE    use by the functional oracle, as a share of that of the healthy model of the same
                                    world; beside it the loss of accuracy on clean rows against that model, in points
    collapse.cure.leak, .starvation, .late      the best cure

Expected: rows in which the signal was set after the observation cure what is wrong with data; standardised features
cure starvation and mutes; FiLM cures a signal that is only added; a wire that is cut stays cut whatever the training.
Weighing the loss of the inverse head otherwise than by a small constant brings no more back, and costs healthy models.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from smcrep import script
from smcrep.probes.collapse.advice import ENOUGH_USE, MOST_COST, TABLE
from smcrep.provenance import made
from smcrep.report.style import label, picture
from smcrep.results import Record, read_claims, write_claims, write_json, write_table
from smcrep.sweep import cell_path, finished
from smcrep.zoo import ARCHITECTURES, SIGNALS, Schedule, make_world
from smcrep.zoo.cures import CURES, MECHANISMS_CURED, Cure, Patient, patients, treat
from smcrep.zoo.cures.known import known_cures
from smcrep.zoo.cures.measure import measured
from smcrep.zoo.cures.patients import healthy_twins
from smcrep.zoo.cures.records import (
    TWIN,
    Outcome,
    chosen_strengths,
    cure_records,
    outcomes_of,
)
from smcrep.zoo.network import Architecture

STEPS = 400
ARCHITECTURE_NAMES = ["concat-regression", "film-contrastive"]
TINY_CURES, TINY_MECHANISMS = ["interventional", "film", "rollback"], ["leak", "late", "additive"]
PUBLISHED = Path(__file__).parent / "claims/collapse.json"
MEASURED_WITH = 10**6
"""Added to a seed: rows of the measurement are the same for all cures."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [str(architecture) for architecture in ARCHITECTURES]
    parser.add_argument("--out", type=Path, default=Path("runs/cures"), help="folder of cells, claims and figures")
    parser.add_argument(
        "--signals", nargs="+", default=["action"], choices=SIGNALS, help="that are lost, one at a time"
    )
    parser.add_argument(
        "--selection", nargs="+", type=script.at_least(0), default=[100, 101], help="seeds that strengths are from"
    )
    parser.add_argument(
        "--seeds", nargs="+", type=script.at_least(0), default=[0, 1, 2, 3], help="seeds that are reported"
    )
    parser.add_argument(
        "--architectures", nargs="+", default=ARCHITECTURE_NAMES, choices=names, help="that are trained"
    )
    parser.add_argument("--cures", nargs="+", default=list(CURES), choices=list(CURES), help="beside none")
    parser.add_argument("--tiny", action="store_true", help="few models and steps, to see that it runs")
    parser.add_argument("--advice", action="store_true", help="only write what audits advise, from the records")
    arguments = parser.parse_args()
    if arguments.advice:
        write_json(TABLE, {"source": PUBLISHED.name, "cures": known_cures(read_claims(PUBLISHED))})
        return
    if set(arguments.selection) & set(arguments.seeds):
        raise ValueError("a seed is among --selection and --seeds: what is chosen on it cannot be reported on it")
    if arguments.tiny:
        arguments.selection, arguments.seeds = [100], [0, 1]
        arguments.architectures, arguments.cures = arguments.architectures[:1], TINY_CURES
    cures = [TWIN, *dict.fromkeys(["none", *arguments.cures])]
    for signal in arguments.signals:
        chosen: dict[tuple[str, str], float] | None = None
        for seeds in (arguments.selection, arguments.seeds):
            for seed in seeds:
                for name in arguments.architectures:
                    architecture = next(a for a in ARCHITECTURES if str(a) == name)
                    for cure in cures:
                        a_cell(arguments.out, signal, architecture, cure, seed, chosen, arguments.tiny)
            chosen = chosen_strengths(treated(arguments.out, signal, arguments.selection))
        report(arguments.out, signal, arguments.selection, arguments.seeds)


def a_cell(
    out: Path,
    signal: str,
    architecture: Architecture,
    name: str,
    seed: int,
    chosen: dict[tuple[str, str], float] | None,
    tiny: bool,
) -> None:
    """Unless it is there with these strengths. chosen: None where all strengths are tried."""
    path = cell_path(out / "cells", f"{signal}.{architecture}.{name}", seed)
    cure = CURES.get(name, Cure())
    own = patients(signal, architecture, TINY_MECHANISMS if tiny else MECHANISMS_CURED)
    if name == TWIN:
        own = healthy_twins(own)
    if cure.after_alarm:
        own = [patient for patient in own if patient.is_late]
    cases = [
        (patient, strength)
        for patient in own
        for strength in cure.strengths
        if chosen is None or strength == chosen.get((patient.mechanism, name), strength)
    ]
    wanted = [[patient.mechanism, strength] for patient, strength in cases]
    known = finished(out / "cells").get(f"{signal}.{architecture}.{name}", {}).get(seed) if path.exists() else None
    if known and [[model["mechanism"], model["strength"]] for model in known["models"]] == wanted:
        return
    begun = time.monotonic()
    found = cell(cure, cases, signal, architecture, seed, 150 if tiny else STEPS)
    about = {"variant": f"{signal}.{architecture}.{name}", "seed": seed, **made("", begun)}
    write_json(path, about | {"signal": signal, "architecture": str(architecture), "cure": name, "models": found})
    print(f"{path.stem}: {len(found)} models, {about['minutes']:.1f} minutes", flush=True)


def cell(
    cure: Cure, cases: list[tuple[Patient, float]], signal: str, architecture: Architecture, seed: int, steps: int
) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(seed)
    world = make_world(generator)
    done = treat(cure, cases, signal, architecture, world, Schedule(steps=steps), generator)
    fresh = torch.Generator().manual_seed(MEASURED_WITH + seed)
    twins = [patient.twin for patient, _ in cases]
    use, accuracy = measured(done.parameters, done.stack, twins, architecture, world, signal, fresh)
    return [
        {
            "mechanism": patient.mechanism,
            "world": f"interaction {patient.twin.knobs[signal].interaction}",
            "strength": strength,
            "use": round(float(use[i]), 4),
            "accuracy": round(float(accuracy[i]), 4),
            "alarm": done.alarms.get(i),
        }
        for i, (patient, strength) in enumerate(cases)
    ]


def cells_of(out: Path, signal: str, seeds: Sequence[int]) -> list[dict[str, Any]]:
    cells = [cell for own in finished(out / "cells").values() for cell in own.values()]
    return [cell for cell in cells if cell["signal"] == signal and cell["seed"] in seeds]


def treated(out: Path, signal: str, seeds: Sequence[int]) -> list[Outcome]:
    return outcomes_of(cells_of(out, signal, seeds))


def report(out: Path, signal: str, selection: Sequence[int], seeds: Sequence[int]) -> None:
    """Of action under the names of the head of this file, of another signal with its name behind "cure"."""
    of_the_data = {name: cure.of_the_data for name, cure in CURES.items()}
    records = cure_records(treated(out, signal, selection), treated(out, signal, seeds), of_the_data)
    if not records:
        print("one seed is no sample: records are made from the second on", flush=True)
        return
    cells = cells_of(out, signal, [*selection, *seeds])
    about = {
        "command": f"python experiments/cures.py --signals {signal} --seeds {' '.join(map(str, sorted(seeds)))}",
        "commit": cells[-1]["commit"],
        "commits": tuple(dict.fromkeys(cell["commit"] for cell in cells)),
        "machine": cells[-1]["machine"],
        "minutes": round(sum(cell["minutes"] for cell in cells), 2),
    }
    prefix = "collapse.cure." + ("" if signal == "action" else f"{signal}.")
    records = {name.replace("collapse.cure.", prefix): replace(record, **about) for name, record in records.items()}
    write_claims(out / "claims/collapse.json", records)
    for name, record in records.items():
        low, high = record.ci95 or (record.value, record.value)
        print(f"{name}: {record.value:.2f} [{low:.2f}, {high:.2f}] at {record.controls['task_cost']:.1f} points")
    table = {
        name.removeprefix(prefix): record for name, record in records.items() if name.count(".") > prefix.count(".")
    }
    stem = "cures" if signal == "action" else f"cures_{signal}"
    heat_map(table, out / f"figures/{stem}.png")
    write_table(out / f"figures/{stem}.csv", "mechanism.cure", table)


def heat_map(table: dict[str, Record], path: Path) -> None:
    """Use that came back, as colour and number; the task cost under it; bold what meets the bar."""
    mechanisms = [m for m in MECHANISMS_CURED if any(name.startswith(f"{m}.") for name in table)]
    cures = [cure for cure in CURES if any(name.endswith(f".{cure}") for name in table)]
    values = [[table[f"{m}.{c}"].value if f"{m}.{c}" in table else float("nan") for c in cures] for m in mechanisms]
    with picture(path, size=(1.0 + 0.75 * len(cures), 0.8 + 0.48 * len(mechanisms))) as (figure, (axis,)):
        image = axis.imshow(values, cmap="YlGnBu", vmin=0, vmax=1, aspect="auto")
        for row, mechanism in enumerate(mechanisms):
            for column, cure in enumerate(cures):
                record = table.get(f"{mechanism}.{cure}")
                if record is None:
                    continue
                cost = record.controls["task_cost"]
                met = record.value >= ENOUGH_USE and cost <= MOST_COST
                axis.text(
                    column, row, f"{round(record.value, 2) + 0.0:.2f}\n{round(cost):+d}".replace("+0", "0"),
                    ha="center", va="center", fontsize=7, weight="bold" if met else "normal",
                    color="white" if record.value > 0.6 else "black",
                )  # fmt: skip
        data = [f"{label(cure)}*" if CURES[cure].of_the_data else label(cure) for cure in cures]
        axis.set_xticks(range(len(cures)), data, rotation=35, ha="right")
        axis.set_yticks(range(len(mechanisms)), [label(m) for m in mechanisms])
        axis.grid(False)
        axis.set_title("Use brought back (healthy: 1), and under it points of accuracy lost; * changes the data")
        figure.colorbar(image, ax=axis, fraction=0.03, label="use / healthy use")


if __name__ == "__main__":
    script.run("cures", main)
