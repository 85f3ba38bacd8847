"""Trained on some objects, what does a model know of unseen ones? One model, all metrics, and what each part does.

    python experiments/generalisation.py --out runs/generalisation              # every cell: some 2 hours on 2 cores
    python experiments/generalisation.py --out runs/generalisation --variants main --seeds 0
    python experiments/generalisation.py --out runs/generalisation --tiny       # a minute; the numbers mean nothing

A cell is one variant with one seed: trained on 28 scans and procedural objects, evaluated on 15 unseen scans. "main" is
the recipe `ycb` at its full length; all other variants, ours among them, have a narrower image encoder, vectors without
tensors (but for the variant of that name) and one short budget. "moved_cloud" trains nothing: the sensed cloud, moved
by the commanded motion, against the clouds of the 16 outcomes, what geometry gives for nothing.
Cells run several at once, one thread each. Interrupted, the same command goes on, and a cell that is written is done.
Leaves VARIANT-SEED.json for each cell and objects.json (their rotational symmetry), of which
experiments/figures/generalisation.py makes records and figures.
Expected: outcome and recognition of "ours" above each variant that lacks what the metric needs.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from smcrep import script
from smcrep.data.store import Store
from smcrep.evaluation.by_object import laws, outcomes, pose, recognition
from smcrep.evaluation.encoded import encode
from smcrep.evaluation.moved_cloud import moved_cloud_hits
from smcrep.evaluation.recognition import choose_strength
from smcrep.evaluation.world import simulation_of
from smcrep.models.model import SensorimotorModel
from smcrep.objectives import EquiModWeights, SimCLRWeights, VICRegWeights
from smcrep.pretraining import Run, keep_frozen, pretrain, stores, tiny, ycb
from smcrep.pretraining.stores import BESIDE, simulations, some_states, stores_folder
from smcrep.pretraining.variants import short, with_data, with_model, with_objective, with_optim, with_recipe
from smcrep.probes.symmetry import rotational_symmetry, sampling_floor
from smcrep.provenance import made
from smcrep.results import write_json
from smcrep.sweep import Cell, cell_path, sweep
from smcrep.worlds.generate import generate
from smcrep.worlds.objects.families import FAMILIES
from smcrep.worlds.objects.source import ProceduralObjects
from smcrep.worlds.rendering.environments import FACTOR_ENVIRONMENTS, TEST_ENVIRONMENTS

MAIN = "main"
VARIANTS: dict[str, Callable[[Run], Run]] = {
    MAIN: lambda run: run,
    "ours": lambda run: run,
    "no_same_state_negatives": lambda run: with_objective(run, same_state_negatives=False),
    "no_cross_modal": lambda run: with_objective(run, cross_modal=0.0),
    "tensors": lambda run: with_model(run, num_vectors=18, num_tensors=8),  # as main has them; the same 126 numbers
    "no_residual": lambda run: with_model(run, predictor="group"),
    "no_group_action": lambda run: with_model(run, predictor="mlp"),
    "equimod": lambda run: with_recipe(with_model(run, predictor="equimod"), objective=EquiModWeights()),
    "simclr": lambda run: with_recipe(run, objective=SimCLRWeights()),
    "vicreg": lambda run: with_recipe(run, objective=VICRegWeights()),
    "no_action": lambda run: with_model(run, use_action=False),
    "untrained": lambda run: with_optim(run, steps=1, lr=1e-12),
}
TUNED_OF = {"equimod_tuned": "equimod", "simclr_tuned": "simclr", "vicreg_tuned": "vicreg"}
"""Variants with the weights that experiments/tuning.py chose on validation objects -> the same with the papers' own."""
TUNED = Path(__file__).parent / "cells/tuning.json"
MOVED_CLOUD = "moved_cloud"
N_WAY, NUM_EPISODES, SHOTS = 15, 200, (1, 5)
NUM_TRAINING_STATES = 600
"""States of training objects that probes are fitted on."""
SURFACE_POINTS = 800
SHARE = 0.1
FEW_POINTS = 96
"""Points are stored in random order: the first so many are a sparser cloud."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/generalisation"), help="folder of runs and stores")
    parser.add_argument("--cells", type=Path, help="folder of the finished cells (default: OUT/cells)")
    parser.add_argument(
        "--variants",
        nargs="+",
        default=[MOVED_CLOUD, *VARIANTS],
        help="which cells (others: those that tuning.py tuned)",
    )
    parser.add_argument("--seeds", nargs="+", type=script.at_least(0), default=[0, 1, 2], help="seeds of training")
    parser.add_argument(
        "--processes", type=script.at_least(1), default=os.cpu_count() or 1, help="cells at once, one thread each"
    )
    parser.add_argument("--data-root", type=Path, help="folder of meshes (default: the YCB scans)")
    parser.add_argument("--tiny", action="store_true", help="few steps and objects, to see that it runs")
    arguments = parser.parse_args()
    folder, run = arguments.cells or arguments.out / "cells", base(arguments)
    unknown = set(arguments.variants) - {MOVED_CLOUD, *VARIANTS, *TUNED_OF}
    if unknown:
        known = ", ".join([MOVED_CLOUD, *VARIANTS, *TUNED_OF])
        raise ValueError(f"no variant {min(unknown)!r}; choose from {known}")
    for variant in set(arguments.variants) & set(TUNED_OF):
        tuned_weights(TUNED_OF[variant])  # said before anything is simulated
    cells: list[Cell] = [(variant, seed) for seed in arguments.seeds for variant in arguments.variants]
    cells = [(variant, seed) for variant, seed in cells if variant != MOVED_CLOUD or seed == arguments.seeds[0]]
    missing = [cell for cell in cells if not cell_path(folder, *cell).exists()]
    missing.sort(key=lambda cell: cell[0] != MAIN)  # which take longest
    print(f"generalisation: {len(cells) - len(missing)} of {len(cells)} cells are there already", flush=True)
    if not missing:
        return
    if any(variant != MOVED_CLOUD for variant, _ in missing):
        evaluation_stores(run, small=arguments.tiny)  # made before cells that share them start side by side
        symmetries(run, folder / "objects.json")
    if any(variant == MAIN for variant, _ in missing):
        keep_frozen(variant_of(run, MAIN, small=arguments.tiny))
    work = partial(run_cell, run, folder, arguments.tiny)
    sweep(missing, work, logs=arguments.out / "logs", processes=arguments.processes)


def base(arguments: argparse.Namespace) -> Run:
    run = with_data(tiny(), states_per_object=(4, 4, 4)) if arguments.tiny else ycb()
    run = with_data(run, root=arguments.data_root or run.data.root, processes=arguments.processes)
    return replace(run, out=arguments.out / "runs", stores=arguments.out / "stores")


def variant_of(run: Run, variant: str, *, small: bool = False) -> Run:
    budget = run if variant == MAIN or small else short(run)
    if variant not in TUNED_OF:
        return VARIANTS[variant](budget)
    return with_objective(VARIANTS[TUNED_OF[variant]](budget), **tuned_weights(TUNED_OF[variant]))


def tuned_weights(method: str) -> dict[str, float]:
    """Weights of the objective of ``method`` that experiments/tuning.py chose."""
    chosen = json.loads(TUNED.read_text(encoding="utf-8")) if TUNED.exists() else {}
    if method not in chosen:
        raise ValueError(f"{TUNED}: has no {method!r}; run: python experiments/tuning.py --methods {method}")
    return chosen[method]["weights"]


def run_cell(run: Run, folder: Path, small: bool, variant: str, seed: int) -> None:
    begun = time.monotonic()
    name = f"{variant}-{seed}"
    if variant == MOVED_CLOUD:
        test = test_store(run)
        return write_cell(folder, variant, seed, test, moved_cloud(test), begun, train_minutes=0.0)
    pretrained = pretrain(replace(with_recipe(variant_of(run, variant, small=small), seed=seed), out=run.out / name))
    evaluated = evaluation_stores(run, small=small)
    metrics = evaluate(pretrained.model, pretrained.store("train"), evaluated, whole=variant == MAIN, small=small)
    return write_cell(
        folder, variant, seed, evaluated["test"], metrics, begun, train_minutes=trained_minutes(pretrained.path)
    )


def write_cell(
    folder: Path,
    variant: str,
    seed: int,
    test: Store,
    metrics: dict[str, np.ndarray],
    begun: float,
    *,
    train_minutes: float,
) -> None:
    about = {"variant": variant, "seed": seed, "objects": [o.name for o in test.objects]}
    about |= made(f"python experiments/generalisation.py --variants {variant} --seeds {seed}", begun)
    about |= {"train_minutes": train_minutes, "queries": int(test.num_states * test.num_branches)}
    rounded = {metric: np.round(values, 5).tolist() for metric, values in metrics.items()}
    write_json(cell_path(folder, variant, seed), about | {"metrics": rounded})


def test_store(run: Run) -> Store:
    """The one that the variants are evaluated on, whose objects do not hang on the other stores."""
    simulation = simulations(run)["test"]
    return Store(generate(simulation, stores_folder(run) / "test", processes=run.data.processes))


def moved_cloud(test: Store) -> dict[str, np.ndarray]:
    """h1.points of every object; h1_96.points by so many points of the cloud, h1_untrimmed.points by the plain Chamfer
    distance. The share of points that are compared was chosen on the recipe's validation objects, like our settings."""
    whole, few = (
        moved_cloud_hits(test, shares=(SHARE, 1.0)),
        moved_cloud_hits(test, shares=(SHARE,), num_points=FEW_POINTS),
    )
    hits = {"h1": whole[SHARE], f"h1_{FEW_POINTS}": few[SHARE], "h1_untrimmed": whole[1.0]}
    ids = test.object_ids
    by_state = {f"{name}.points": values.mean(1) for name, values in hits.items()}
    return {name: np.array([values[ids == i].mean() for i in np.unique(ids)]) for name, values in by_state.items()}


def trained_minutes(run: Path) -> float:
    """In all: the clock of metrics.jsonl starts anew where a training was resumed."""
    lines = (json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    seconds = [line["seconds"] for line in lines if "seconds" in line]
    return sum(last for last, following in pairwise([*seconds, 0.0]) if following < last) / 60


def symmetries(run: Run, path: Path) -> None:
    """Name of each test object -> the least change (ADD-S) that any rotation of 30 degrees or more makes to its shape,
    over that of a perfect symmetry: about 1 where it has one."""
    if path.exists():
        return
    found = {}
    for each in simulation_of(stores(run, progress=False)["test"]).object_set:
        points, again = (each.surface(SURFACE_POINTS, seed) for seed in (0, 1))
        found[each.name] = round(rotational_symmetry(points).add_s / sampling_floor(points, again), 3)
    write_json(path, {"least_change_over_floor": found})


def evaluation_stores(run: Run, *, small: bool) -> dict[str, Store]:
    """The test store, and the test objects again in other environments and orientations; other shapes too."""
    own = stores(run, progress=False)
    test = own["test"]
    few = simulation_of(test)
    few = replace(few, states_per_object=4 if small else 12, seed=few.seed + 1)
    simulations = {"new_environment": replace(few, environments=TEST_ENVIRONMENTS)}
    for name in ("kitchen", *FACTOR_ENVIRONMENTS):  # those factors are changed in the kitchen, one by one
        simulations[name] = replace(few, environments=(name,))
    simulations["orientation"] = replace(few, policy=replace(few.policy, max_angle_deg="so3"))
    trained_on = own.get(BESIDE, own["train"])
    known = {o.family for o in trained_on.objects} & set(FAMILIES)
    held_out = tuple(name for name in FAMILIES if name not in known)
    for name, families in (("shape_known", tuple(sorted(known))), ("shape_new", held_out)):
        if families:
            objects = ProceduralObjects(15 if small else 60, seed=900, families=families)
            simulations[name] = replace(few, objects=objects, states_per_object=4)
    folder, processes = test.path.parent, run.data.processes
    return {"test": test} | {
        name: Store(generate(simulation, folder / f"test-{name}", processes=processes, progress=False))
        for name, simulation in simulations.items()
    }


def evaluate(
    model: SensorimotorModel, train: Store, evaluated: dict[str, Store], *, whole: bool, small: bool
) -> dict[str, np.ndarray]:
    """Metric -> its value for each object of the test store (or, NAME.metric, of the store of that name)."""
    test = evaluated["test"]
    training, encoded = encode(model, train, some_states(train, NUM_TRAINING_STATES)), encode(model, test)
    strengths = {
        (source, k): choose_strength(training, source, k_shot=k, n_way=min(N_WAY, len(train.objects)))
        for source in model.sources
        for k in SHOTS
    }
    recognised = partial(recognition, strengths=strengths, n_way=N_WAY, num_episodes=20 if small else NUM_EPISODES)
    found = outcomes(model, encoded) | recognised(encoded)
    if whole:
        shapes = simulation_of(test).object_set
        surface = lambda i: shapes[i].surface(SURFACE_POINTS)
        found |= pose(model, encoded, surface, training=training) | laws(model, encoded)
        for name, store in evaluated.items():
            if name != "test":
                there = encode(model, store)
                metrics = outcomes(model, there, controls=False) | recognised(there)
                found |= {f"{name}.{metric}": values for metric, values in metrics.items()}
    return found


if __name__ == "__main__":
    script.run("generalisation", main)
