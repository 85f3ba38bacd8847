"""How far do variety of objects, width, better encoders and all orientations carry? A sweep on validation objects.

    python experiments/ablations.py --out runs/ablations              # every cell: some 2 hours on 2 cores
    python experiments/ablations.py --variants points dgcnn --seeds 0
    python experiments/ablations.py --tiny --out runs/a               # a minute; the numbers mean nothing

A cell is one variant with one seed: one sense of the recipe `ycb`, trained for 800 steps, evaluated on objects that are
neither trained on nor reported in generalisation.py. Two cells run at once, one thread each; interrupted, the same
command goes on, and a cell that is written is done.

    ablation.SENSE.VARIANT.h1        the true outcome among 16; beside it the difference from the recipe's own cells,
                                     paired by object, 7-way recognition with one label, and the same asked in any
                                     orientation (SO(3))

Leaves cells/VARIANT-SEED.json, claims/ablations.json and figures/ablations.png in ``--out``. Expected: vectors
alone, and scans alone, far below the rest.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes

from smcrep import script
from smcrep.data.store import Store
from smcrep.evaluation.encoded import encode
from smcrep.evaluation.outcome import outcome_hits
from smcrep.evaluation.recognition import accuracy_by_object, choose_strength, episodes_of
from smcrep.hub import load_model
from smcrep.probes.intervals import over_seeds_and_objects
from smcrep.report import marks
from smcrep.report.style import COLOURS, legend_below, picture
from smcrep.results import Record, commit, machine, write_claims, write_json
from smcrep.training.run_folder import store_path
from smcrep.worlds.generate import Simulation, generate

HERE = Path(__file__).parent
POINTS, RGB = ("--model.senses", "points"), ("--model.senses", "rgb")
VECTORS = ("--model.num-vectors", "42", "--model.num-tensors", "0")  # the same 126 numbers
SO3 = ("--data.policy.max-angle-deg", "so3")
VARIANTS: dict[str, tuple[tuple[str, ...], str, tuple[str, ...]]] = {
    # name: sense, what is changed of the world that it learns from, what is changed of the model or the training
    "points": (POINTS, "", ()),
    "dgcnn": (POINTS, "", ("--model.points-encoder", "dgcnn")),
    "trunk_512": (POINTS, "", ("--model.trunk-dim", "512")),
    "predictor_512": (POINTS, "", ("--model.predictor-hidden", "512")),
    "vectors_only": (POINTS, "", VECTORS),
    "tensors_only": (POINTS, "", ("--model.num-vectors", "0", "--model.num-tensors", "14")),
    "equivariant_half": (POINTS, "", ("--model.num-vectors", "9", "--model.num-tensors", "4")),
    "equivariant_twice": (POINTS, "", ("--model.num-vectors", "36", "--model.num-tensors", "16")),
    "points_64": (POINTS, "", ("--num-points", "64")),
    "points_256": (POINTS, "", ("--num-points", "256")),
    "points_scans_only": (POINTS, "scans_only", ()),
    "points_300_procedural": (POINTS, "300_procedural", ()),
    "points_1000_procedural": (POINTS, "1000_procedural", ()),
    "points_so3": (POINTS, "so3", ()),
    "rgb": (RGB, "", ()),
    "rgb_vectors_only": (RGB, "", VECTORS),
    "rgb_width_16": (RGB, "", ("--model.rgb-width", "16", "--model.rgb-blocks", "0")),
    "rgb_width_32": (RGB, "", ("--model.rgb-width", "32")),
    "rgb_blocks_3": (RGB, "", ("--model.rgb-blocks", "3")),
    "rgb_scans_only": (RGB, "scans_only", ()),
    "rgb_300_procedural": (RGB, "300_procedural", ()),
    "rgb_so3": (RGB, "so3", ()),
}
WORLDS = {
    "": (),
    "scans_only": ("--data.procedural", "0"),
    "300_procedural": ("--data.procedural", "300", "--data.procedural-states", "30"),  # as many states as the recipe's
    "1000_procedural": ("--data.procedural", "1000", "--data.procedural-states", "9"),
    "so3": SO3,
}
IN_WORDS = {
    "points": "recipe, point cloud",
    "rgb": "recipe, RGB",
    "equivariant_half": "equivariant part halved",
    "equivariant_twice": "equivariant part doubled",
    "points_64": "64 points",
    "points_256": "256 points",
    "points_scans_only": "scans only",
    "rgb_scans_only": "RGB, scans only",
}
"""How variants are written in the picture, where not by their name."""
STEPS, N_WAY, EPISODES = 800, 7, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"))
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="cells at once, one thread each")
    parser.add_argument("--data-root", type=Path, help="folder of meshes (default: the YCB scans)")
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cells = [(variant, seed) for seed in arguments.seeds for variant in arguments.variants]
    missing = [cell for cell in cells if not cell_path(arguments.out, *cell).exists()]
    print(f"ablations: {len(cells) - len(missing)} of {len(cells)} cells are there already", flush=True)
    if missing:
        # One step makes the stores, before cells that share them start side by side.
        for world in {""} | {VARIANTS[variant][1] for variant, _ in missing}:
            pretrain(arguments, arguments.out / f"runs/stores-{world}", world, "--optim.steps", "1", *POINTS)
        sweep(arguments, missing)
    report(arguments.out)


def sweep(arguments: argparse.Namespace, missing: list[tuple[str, int]]) -> None:
    asked, begun = validation_stores(arguments), time.monotonic()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        running = {pool.submit(run_cell, arguments, asked, *cell): cell for cell in missing}
        for done, future in enumerate(as_completed(running), 1):
            future.result()
            left = (time.monotonic() - begun) / done * (len(missing) - done) / 60
            print(f"ablations: {running[future]} done, {len(missing) - done} left, ETA {left:.0f} min", flush=True)


def cell_path(out: Path, variant: str, seed: int) -> Path:
    return out / f"cells/{variant}-{seed}.json"


def pretrain(arguments: argparse.Namespace, run: Path, world: str, *options: str) -> None:
    recipe = ["tiny", "--data.states-per-object", "4", "4", "4"] if arguments.tiny else ["ycb"]
    root = ["--data.root", str(arguments.data_root)] if arguments.data_root else []
    changed = [] if arguments.tiny and world != "so3" else WORLDS[world]
    stores = arguments.out / f"stores-{world}"
    command = [sys.executable, str(HERE / "pretrain.py"), *recipe, "--stores", str(stores), "--out", str(run)]
    log = run.with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        done = subprocess.run(
            [*command, *root, *changed, *options], stdout=file, stderr=file, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
    if done.returncode:
        raise ValueError(f"training {run.name} failed: {log.read_text().strip().splitlines()[-1]} (all of it: {log})")


def validation_stores(arguments: argparse.Namespace) -> dict[str, Store]:
    """The recipe's validation store, and its objects again in any orientation."""
    store = Store(store_path(arguments.out / "runs/stores-", "val"))
    base = Simulation.from_json(store.manifest.config["simulation"])
    turned = replace(base, policy=replace(base.policy, max_angle_deg="so3"), seed=base.seed + 1)
    return {"": store, "_so3": Store(generate(turned, arguments.out / "stores-/val-so3", progress=False))}


def run_cell(arguments: argparse.Namespace, asked: dict[str, Store], variant: str, seed: int) -> None:
    run = arguments.out / f"runs/{variant}-{seed}"
    sense, world, options = VARIANTS[variant]
    steps = () if arguments.tiny else ("--optim.steps", str(STEPS))
    pretrain(arguments, run, world, *sense, *options, *steps, "--seed", str(seed), "--probe-every", "0")
    model = load_model(run)[0]
    train = Store(store_path(run, "train"))
    some = np.sort(np.random.default_rng(0).choice(train.num_states, min(train.num_states, 400), replace=False))
    training = encode(model, train, some)
    n_way = min(N_WAY, len(asked[""].objects), len(train.objects))
    strength = choose_strength(training, sense[1], k_shot=1, n_way=n_way)
    found: dict[str, np.ndarray] = {}
    for name, store in asked.items():
        encoded = encode(model, store)
        found[f"h1{name}"] = encoded.by_object(outcome_hits(model, encoded, sense[1]))
        episodes = episodes_of(encoded, k_shot=1, n_way=n_way, num_episodes=20 if arguments.tiny else EPISODES)
        found[f"1shot{name}"] = accuracy_by_object(encoded, sense[1], episodes, strength)
    last = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    seconds = max(line.get("seconds", 0.0) for line in last)
    parameters = sum(p.numel() for p in model.parameters())
    about = {"variant": variant, "sense": sense[1], "seed": seed, "objects": [o.name for o in asked[""].objects]}
    about |= {"parameters": parameters, "minutes": seconds / 60, "commit": commit(), "machine": machine()}
    metrics = {name: np.round(values, 5).tolist() for name, values in found.items()}
    write_json(cell_path(arguments.out, variant, seed), about | {"metrics": metrics})


def report(out: Path) -> None:
    """Records and the picture of all cells that there are."""
    cells: dict[str, dict[int, dict]] = {}
    for path in sorted((out / "cells").glob("*.json")):
        cell = json.loads(path.read_text(encoding="utf-8"))
        cells.setdefault(cell["variant"], {})[cell["seed"]] = cell
    records: dict[str, Record] = {}
    for variant in (name for name in VARIANTS if name in cells):
        own, base = cells[variant], cells.get(VARIANTS[variant][0][1], {})
        about = next(iter(own.values()))
        values = {m: np.array([own[seed]["metrics"][m] for seed in sorted(own)]) for m in about["metrics"]}
        estimates = {m: over_seeds_and_objects(v, rng=np.random.default_rng(0)) for m, v in values.items()}
        beside: dict[str, object] = {"chance": 1 / 16, "parameters": about["parameters"]}
        for metric, estimate in estimates.items():
            if metric != "h1":
                beside |= {
                    metric: estimate.value,
                    f"{metric}_low": estimate.ci95[0],
                    f"{metric}_high": estimate.ci95[1],
                }
        both = sorted(set(own) & set(base))
        if variant != about["sense"] and both:
            for metric in ("h1", "1shot"):
                ahead = [
                    np.subtract(own[seed]["metrics"][metric], base[seed]["metrics"][metric]).tolist() for seed in both
                ]
                paired = over_seeds_and_objects(np.array(ahead), rng=np.random.default_rng(0))
                beside |= {f"{metric}_ahead": paired.value, f"{metric}_ahead_low": paired.ci95[0]}
                beside |= {f"{metric}_ahead_high": paired.ci95[1]}
        h1, seeds = estimates["h1"], " ".join(map(str, sorted(own)))
        minutes = round(float(np.mean([cell["minutes"] for cell in own.values()])), 2)
        records[f"ablation.{about['sense']}.{variant}.h1"] = Record(
            h1.value, h1.ci95, seeds=len(own), n=h1.n, unit="H@1 of 16, validation objects", controls=beside,
            command=f"python experiments/ablations.py --variants {about['sense']} {variant} --seeds {seeds}",
            commit=about["commit"],
            minutes=minutes, machine=about["machine"],
        )  # fmt: skip
    write_claims(out / "claims/ablations.json", records)
    draw(records, out / "figures/ablations.png")
    for name, record in records.items():
        ahead = record.controls.get("h1_ahead")
        print(
            f"{name}: {record.value:.3f}, 1-shot {record.controls['1shot']:.3f}" + (f", {ahead:+.3f}" if ahead else "")
        )


def draw(records: dict[str, Record], path: Path) -> None:
    """One line a variant, the recipe's own on top of each sense. Filled: poses within 60 degrees; hollow: any
    orientation. Beside each measure the difference from the recipe, paired by seed and object."""
    panels = {
        "h1": ("Outcome, 16 candidates", "H@1", 1 / 16),
        "1shot": ("7-way, one label each", "accuracy", 1 / N_WAY),
    }
    variants = [name.split(".")[2] for name in records]
    with picture(path, columns=4, size=(2.6, 1.0 + 0.36 * len(records)), widths=(1.5, 1, 1.5, 1)) as (figure, axes):
        figure.subplots_adjust(wspace=0.16)
        for i, (metric, (title, unit, chance)) in enumerate(panels.items()):
            _values(axes[2 * i], records, metric)
            marks.reference(axes[2 * i], chance, "chance", vertical=True)
            axes[2 * i].set_title(title, pad=15)
            axes[2 * i].set(xlabel=unit, xlim=(0, 1.02), xticks=[0, 0.25, 0.5, 0.75, 1])
            _differences(axes[2 * i + 1], records, metric)
            marks.reference(axes[2 * i + 1], 0, "recipe", vertical=True)
            axes[2 * i + 1].set_xlabel(f"difference in {unit}")
        for axis in axes:
            axis.set_ylim(len(records) - 0.5, -0.5)
            axis.set_yticks(range(len(variants)), [in_words(v) for v in variants] if axis is axes[0] else [])
        legend_below(figure, axes[:1])


def _values(axis: Axes, records: dict[str, Record], metric: str) -> None:
    """The metric of each record, and the same in any orientation."""
    for y, (name, record) in enumerate(records.items()):
        sense = name.split(".")[1]
        own = Record(record.value, record.ci95) if metric == "h1" else _control(record, metric)
        words = ("poses within 60 degrees", "any orientation") if y == 0 else ("", "")
        marks.dots(axis, [own], np.array([y - 0.14]), COLOURS[sense], words[0])
        marks.dots(
            axis, [_control(record, f"{metric}_so3")], np.array([y + 0.14]), COLOURS[sense], words[1], hollow=True
        )


def _differences(axis: Axes, records: dict[str, Record], metric: str) -> None:
    for y, (name, record) in enumerate(records.items()):
        if f"{metric}_ahead" in record.controls:
            marks.dots(axis, [_control(record, f"{metric}_ahead")], np.array([y]), COLOURS[name.split(".")[1]])


def _control(record: Record, name: str) -> Record:
    """A control with its interval, as a record."""
    return Record(record.controls[name], (record.controls[f"{name}_low"], record.controls[f"{name}_high"]))


def in_words(variant: str) -> str:
    return IN_WORDS.get(variant, variant.replace("_", " "))


if __name__ == "__main__":
    script.run("ablations", main)
