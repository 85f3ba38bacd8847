"""Every method gets the same search: twelve settings of its objective, judged on validation objects.

    python experiments/tuning.py --methods equimod            # 12 trainings of 800 steps: some 25 minutes on 2 cores
    python experiments/tuning.py                              # all of them, ours too
    python experiments/tuning.py --tiny --methods equimod --out runs/t --chosen runs/t/tuning.json      # two minutes

A method is trained at the budget of the comparison (`pretraining.variants.short`), one seed, once for each setting, and
judged by the mean of two numbers of the fused embedding: H@1 of the outcome among 16, and 7-way 1-shot accuracy.
Test objects are never read. Interrupted, the same command goes on. The best settings go into ``--chosen``, where
experiments/generalisation.py finds them: python experiments/generalisation.py --variants equimod_tuned
Expected: EquiMod at lower temperatures than its paper's, which are those of pictures in batches of hundreds.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path

from smcrep import script
from smcrep.evaluation.encoded import encode
from smcrep.evaluation.outcome import outcome_hits
from smcrep.evaluation.recognition import accuracy_by_object, choose_strength, episodes_of
from smcrep.objectives import EquiModWeights, SimCLRWeights, VICRegWeights
from smcrep.pretraining import Run, pretrain, stores, tiny, ycb
from smcrep.pretraining.stores import some_states
from smcrep.pretraining.variants import short, with_data, with_model, with_objective, with_recipe
from smcrep.provenance import made
from smcrep.results import write_json
from smcrep.sweep import Cell, sweep
from smcrep.transition import FUSED

Setting = dict[str, float]
"""Field of the objective's weights -> value."""


@dataclass(frozen=True)
class Method:
    """How it differs from the recipe, and the values that are tried of each field; all combinations."""

    change: Callable[[Run], Run]
    grid: Mapping[str, tuple[float, ...]]


TEMPERATURES = {"equivariant_temperature": (0.02, 0.05, 0.1, 0.2), "invariant_temperature": (0.1, 0.2, 0.5)}
METHODS = {
    "ours": Method(lambda run: run, TEMPERATURES),
    "equimod": Method(
        lambda run: with_recipe(with_model(run, predictor="equimod"), objective=EquiModWeights()), TEMPERATURES
    ),
    "simclr": Method(
        lambda run: with_recipe(run, objective=SimCLRWeights()),
        {"temperature": (0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 1.0)},
    ),
    "vicreg": Method(
        lambda run: with_recipe(run, objective=VICRegWeights()),
        {"invariance": (5.0, 10.0, 25.0, 50.0), "covariance": (0.2, 1.0, 5.0)},
    ),
}
CHOSEN = Path(__file__).parent / "cells/tuning.json"
N_WAY, EPISODES, NUM_TRAINING_STATES, SEED = 7, 200, 400, 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS), help="which to tune")
    parser.add_argument("--out", type=Path, default=Path("runs/tuning"), help="folder of runs, stores and cells")
    parser.add_argument("--chosen", type=Path, default=CHOSEN, help="file of the best settings, added to")
    parser.add_argument(
        "--processes", type=script.at_least(1), default=os.cpu_count() or 1, help="cells at once, one thread each"
    )
    parser.add_argument("--data-root", type=Path, help="folder of meshes (default: the YCB scans)")
    parser.add_argument("--tiny", action="store_true", help="two settings, few steps and objects, to see that it runs")
    arguments = parser.parse_args()
    begun, run = time.monotonic(), base(arguments)
    tried = {name: settings_of(name)[: 2 if arguments.tiny else None] for name in arguments.methods}
    cells: list[Cell] = [(f"{method}-{i}", SEED) for method, settings in tried.items() for i in range(len(settings))]
    missing = [cell for cell in cells if not cell_path(arguments.out, cell[0]).exists()]
    print(f"tuning: {len(cells) - len(missing)} of {len(cells)} cells are there already", flush=True)
    stores(run)  # made before cells that share them start side by side
    work = partial(run_cell, run, arguments.out)
    sweep(missing, work, logs=arguments.out / "logs", processes=arguments.processes)
    chosen = json.loads(arguments.chosen.read_text(encoding="utf-8")) if arguments.chosen.exists() else {}
    for method, settings in tried.items():
        scores = [read_cell(arguments.out, f"{method}-{i}")["score"] for i in range(len(settings))]
        best = max(range(len(scores)), key=scores.__getitem__)
        about = made(f"python experiments/tuning.py --methods {method}", begun)
        chosen[method] = {"weights": settings[best], "score": scores[best], "tried": len(scores), **about}
        print(f"{method}: {settings[best]} at {scores[best]:.3f}, the worst of {len(scores)} at {min(scores):.3f}")
    write_json(arguments.chosen, chosen)


def base(arguments: argparse.Namespace) -> Run:
    run = with_data(tiny(), states_per_object=(4, 4, 4)) if arguments.tiny else short(ycb())
    run = with_data(run, root=arguments.data_root or run.data.root, processes=arguments.processes)
    return replace(with_recipe(run, probe_every=0), out=arguments.out / "runs", stores=arguments.out / "stores")


def settings_of(method: str) -> list[Setting]:
    grid = METHODS[method].grid
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def with_setting(run: Run, method: str, setting: Setting) -> Run:
    return with_objective(METHODS[method].change(run), **setting)


def cell_path(out: Path, name: str) -> Path:
    return out / f"cells/{name}.json"


def read_cell(out: Path, name: str) -> dict:
    return json.loads(cell_path(out, name).read_text(encoding="utf-8"))


def run_cell(run: Run, out: Path, name: str, seed: int) -> None:
    method, _, number = name.rpartition("-")
    setting = settings_of(method)[int(number)]
    changed = with_recipe(with_setting(run, method, setting), seed=seed)
    pretrained = pretrain(replace(changed, out=run.out / name))
    model, train, val = pretrained.model, pretrained.store("train"), pretrained.store("val")
    n_way = min(N_WAY, len(val.objects), len(train.objects))
    strength = choose_strength(encode(model, train, some_states(train, NUM_TRAINING_STATES)), k_shot=1, n_way=n_way)
    encoded = encode(model, val)
    episodes = episodes_of(encoded, k_shot=1, n_way=n_way, num_episodes=EPISODES)
    accuracy = float(accuracy_by_object(encoded, FUSED, episodes, strength).mean())
    h1 = float(encoded.by_object(outcome_hits(model, encoded)).mean())
    write_json(cell_path(out, name), {"setting": setting, "h1": h1, "1shot": accuracy, "score": (h1 + accuracy) / 2})


if __name__ == "__main__":
    script.run("tuning", main)
