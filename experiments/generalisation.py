"""Acting on some objects, does a model know others better? One model, all questions, and what each part does.

    python experiments/generalisation.py --out runs/generalisation                     # every cell: some 2 hours on 2 cores
    python experiments/generalisation.py --out runs/generalisation --variants main --seeds 0
    python experiments/generalisation.py --out runs/generalisation --tiny              # a minute; the numbers mean nothing

A cell is one variant with one seed: trained on 28 scans and procedural objects, questioned about 15 scans never seen.
"main" is the recipe at its full length; all variants, ours among them, have a narrower image encoder, vectors without
tensors (but for the variant of that name) and one short budget.
Two cells run at once, one thread each. Interrupted, the same command goes on: a trained cell is not trained again, and
a cell that is written is done. Leaves ARM-SEED.json for each cell and objects.json (their rotational symmetry), of
which experiments/figures/generalisation.py makes records and pictures. Expected: outcome and recognition of "ours" above each
variant that lacks what the question needs.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from smcrep import script
from smcrep.data.store import Store
from smcrep.evaluation.by_object import laws, outcomes, pose, recognition
from smcrep.evaluation.encoded import encode
from smcrep.evaluation.recognition import choose_strength
from smcrep.hub import load_model
from smcrep.models.model import FUSED, SensorimotorModel
from smcrep.probes.symmetry import rotational_symmetry, sampling_floor
from smcrep.results import commit, machine, write_json
from smcrep.training.run_folder import store_path
from smcrep.worlds.generate import Simulation, generate
from smcrep.worlds.objects.families import FAMILIES
from smcrep.worlds.objects.source import ProceduralObjects
from smcrep.worlds.rendering.environments import FACTOR_ENVIRONMENTS, TEST_ENVIRONMENTS

HERE = Path(__file__).parent
VECTORS = ("--model.num-vectors", "42", "--model.num-tensors", "0")
SHORT = ("--optim.steps", "800", "--model.rgb-width", "16", "--model.rgb-blocks", "0", *VECTORS)
VARIANTS: dict[str, tuple[str, ...]] = {
    "ours": (),
    "no_same_state_negatives": ("--objective.same-state-negatives", "False"),
    "no_cross_modal": ("--objective.cross-modal", "0"),
    "tensors": ("--model.num-vectors", "18", "--model.num-tensors", "8"),  # as main has them; the same 126 numbers
    "no_residual": ("--model.predictor", "group"),
    "no_group_action": ("--model.predictor", "mlp"),
    "equimod": ("--method", "equimod", "--model.predictor", "equimod"),
    "simclr": ("--method", "simclr"),
    "no_action": ("--model.use-action", "False"),
    "untrained": (),
}
N_WAY, NUM_EPISODES = 15, 200
SURFACE_POINTS = 800


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/generalisation"))
    parser.add_argument("--cells", type=Path, help="folder of the finished cells (default: OUT/cells)")
    parser.add_argument("--variants", nargs="+", default=["main", *VARIANTS], choices=["main", *VARIANTS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="cells at once, one thread each")
    parser.add_argument("--data-root", type=Path, help="folder of meshes (default: the YCB scans)")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--cell", nargs=2, help=argparse.SUPPRESS)  # one cell, in a process of its own
    arguments = parser.parse_args()
    arguments.cells = arguments.cells or arguments.out / "cells"
    if arguments.cell:
        run_cell(arguments, arguments.cell[0], int(arguments.cell[1]))
        return
    cells = sorted(
        ((variant, seed) for seed in arguments.seeds for variant in arguments.variants),
        key=lambda cell: cell[0] != "main",
    )
    missing = [cell for cell in cells if not cell_path(arguments.cells, *cell).exists()]
    print(f"carries: {len(cells) - len(missing)} of {len(cells)} cells are there already", flush=True)
    if missing:
        make_stores(arguments)
        symmetries(arguments)
    begun = time.monotonic()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        running = {pool.submit(spawn, cell): cell for cell in missing}
        for done, future in enumerate(as_completed(running), 1):
            future.result()
            left = (time.monotonic() - begun) / done * (len(missing) - done) / 60
            print(
                f"carries: {'-'.join(map(str, running[future]))} done, {len(missing) - done} left, ETA {left:.0f} min"
            )


def spawn(cell: tuple[str, int]) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, *sys.argv[1:], "--cell", cell[0], str(cell[1])]
    subprocess.run(command, check=True, env=environment)


def cell_path(cells: Path, variant: str, seed: int) -> Path:
    return cells / f"{variant}-{seed}.json"


def pretrain(arguments: argparse.Namespace, run: Path, *options: str) -> None:
    recipe = ["tiny", "--data.states-per-object", "4", "4", "4"] if arguments.tiny else ["ycb"]
    root = ["--data.root", str(arguments.data_root)] if arguments.data_root else []
    command = [sys.executable, str(HERE / "pretrain.py"), *recipe, "--stores", str(arguments.out / "stores")]
    log = run.with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        done = subprocess.run([*command, "--out", str(run), *root, *options], stdout=file, stderr=subprocess.STDOUT)
    if done.returncode:
        raise ValueError(f"training {run.name} failed: {log.read_text().strip().splitlines()[-1]} (all of it: {log})")


def make_stores(arguments: argparse.Namespace) -> None:
    """All cells share them: made once, by a training of one step, before the cells start side by side."""
    pretrain(arguments, arguments.out / "runs/stores", *("--optim.steps", "1"))
    question_stores(arguments.out / "runs/stores", arguments.tiny)


def run_cell(arguments: argparse.Namespace, variant: str, seed: int) -> None:
    begun = time.monotonic()
    run = arguments.out / f"runs/{variant}-{seed}"
    options = [] if variant == "main" or arguments.tiny else list(SHORT)
    if variant == "untrained":
        options += ["--optim.steps", "1", "--optim.lr", "1e-12"]
    pretrain(arguments, run, *options, *VARIANTS.get(variant, ()), "--seed", str(seed))
    model = load_model(run)[0]
    stores = question_stores(run, arguments.tiny)
    names, found = question(
        model, Store(store_path(run, "train")), stores, whole=variant == "main", tiny=arguments.tiny
    )
    command = f"python experiments/generalisation.py --variants {variant} --seeds {seed}"
    about = {
        "variant": variant,
        "seed": seed,
        "objects": names,
        "command": command,
        "commit": commit(),
        "machine": machine(),
    }
    about |= {"train_minutes": trained_minutes(run), "minutes": (time.monotonic() - begun) / 60}
    about |= {"queries": int(stores["test"].num_states * stores["test"].num_branches)}
    write_json(cell_path(arguments.cells, variant, seed), about | {"metrics": found})


def trained_minutes(run: Path) -> float:
    """Of all its beginnings: the clock of metrics.jsonl starts anew where a training was resumed."""
    lines = (json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    seconds = [line["seconds"] for line in lines if "seconds" in line]
    return sum(last for last, following in pairwise([*seconds, 0.0]) if following < last) / 60


def symmetries(arguments: argparse.Namespace) -> None:
    """Name of each test object -> the least change (ADD-S) that any turn of 30 degrees or more makes to its shape, over
    that of a perfect symmetry: about 1 where it has one."""
    path = arguments.cells / "objects.json"
    if not path.exists():
        store = Store(store_path(arguments.out / "runs/stores", "test"))
        found = {}
        for each in Simulation.from_json(store.manifest.config["simulation"]).object_set:
            points, again = (each.surface(SURFACE_POINTS, seed) for seed in (0, 1))
            found[each.name] = round(rotational_symmetry(points).add_s / sampling_floor(points, again), 3)
        write_json(path, {"least_change_over_floor": found})


def question_stores(run: Path, tiny: bool) -> dict[str, Store]:
    """The test store, and the test objects again in other environments and orientations; other shapes too."""
    path = store_path(run, "test")
    base = Simulation.from_json(Store(path).manifest.config["simulation"])
    few = replace(base, states_per_object=4 if tiny else 12, seed=base.seed + 1)
    simulations = {"new_environment": replace(few, environments=TEST_ENVIRONMENTS)}
    for name in ("kitchen", *FACTOR_ENVIRONMENTS):  # those factors are changed in the kitchen, one by one
        simulations[name] = replace(few, environments=(name,))
    simulations["orientation"] = replace(few, policy=replace(base.policy, max_angle_deg="so3"))
    trained_on = Store(store_path(run, "train-procedural" if not tiny else "train"))
    known = {o.family for o in trained_on.objects} & set(FAMILIES)
    held_out = tuple(name for name in FAMILIES if name not in known)
    for name, families in (("shape_known", tuple(sorted(known))), ("shape_new", held_out)):
        if families:
            objects = ProceduralObjects(15 if tiny else 60, seed=900, families=families)
            simulations[name] = replace(few, objects=objects, states_per_object=4)
    stores = {
        name: Store(generate(simulation, path.parent / f"test-{name}", progress=False))
        for name, simulation in simulations.items()
    }
    return {"test": Store(path)} | stores


def question(
    model: SensorimotorModel, train: Store, stores: dict[str, Store], *, whole: bool, tiny: bool
) -> tuple[list[str], dict[str, list[float]]]:
    """Names of the test objects, and metric -> its value for each of them (for the objects of that store)."""
    test = stores["test"]
    rng = np.random.default_rng(0)
    some = np.sort(rng.choice(train.num_states, min(train.num_states, 600), replace=False))
    training, encoded = encode(model, train, some), encode(model, test)
    strengths = {
        (sense, k): choose_strength(training, sense, k_shot=k, n_way=min(N_WAY, len(train.objects)))
        for sense in (FUSED, *model.config.senses)
        for k in (1, 5)
    }
    recognised = partial(recognition, strengths=strengths, n_way=N_WAY, num_episodes=20 if tiny else NUM_EPISODES)
    found = outcomes(model, encoded) | recognised(encoded)
    if whole:
        found |= pose(model, training, encoded, surfaces(test)) | laws(model, encoded)
        for name, store in stores.items():
            if name != "test":
                there = encode(model, store)
                answers = outcomes(model, there, controls=False) | recognised(there)
                found |= {f"{name}.{metric}": values for metric, values in answers.items()}
    return [o.name for o in test.objects], {name: np.round(values, 5).tolist() for name, values in found.items()}


def surfaces(store: Store) -> Callable[[int], np.ndarray]:
    objects = Simulation.from_json(store.manifest.config["simulation"]).object_set
    return lambda i: objects[i].surface(SURFACE_POINTS)


if __name__ == "__main__":
    script.run("generalisation", main)
