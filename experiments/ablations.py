"""What do variety of objects, width, better encoders and all orientations contribute? A sweep on validation objects.

    python experiments/ablations.py --out runs/ablations              # every cell: some 2 hours on 2 cores
    python experiments/ablations.py --variants points dgcnn --seeds 0
    python experiments/ablations.py --tiny --out runs/a               # a minute; the numbers mean nothing

A cell is one variant with one seed: one sense of the recipe `ycb`, trained for 800 steps, evaluated on objects that are
neither trained on nor reported in generalisation.py. Cells run several at once, one thread each; interrupted, the same
command goes on, and a cell that is written is done.

    ablation.SENSE.VARIANT.h1        the true outcome among 16; beside it the difference from the recipe's own cells,
                                     paired by object, 7-way recognition with one label, and both metrics in any
                                     orientation (SO(3))

Leaves cells/VARIANT-SEED.json, claims/ablations.json and figures/ablations.png in ``--out``. Expected: vectors
alone, and scans alone, far below the rest.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from smcrep import script
from smcrep.data.store import Store
from smcrep.evaluation.comparison import bounds
from smcrep.evaluation.encoded import encode
from smcrep.evaluation.outcome import outcome_hits
from smcrep.evaluation.recognition import accuracy_by_object, choose_strength, episodes_of
from smcrep.evaluation.sentence import percent
from smcrep.evaluation.world import simulation_of
from smcrep.pretraining import Run, pretrain, stores, tiny, ycb
from smcrep.pretraining.stores import some_states
from smcrep.pretraining.variants import (
    one_stream,
    with_data,
    with_model,
    with_optim,
    with_recipe,
    with_sense,
    with_senses,
)
from smcrep.probes.intervals import Estimate, over_seeds_and_objects, share_over_seeds_and_objects
from smcrep.provenance import made
from smcrep.report import marks
from smcrep.report.style import COLOURS, legend_below, picture
from smcrep.results import Record, write_claims, write_json
from smcrep.sweep import Cell, cell_path, finished, sweep
from smcrep.worlds.generate import generate

Change = Callable[[Run], Run]


@dataclass(frozen=True)
class Variant:
    """Its only sense; the world that it learns from, among `WORLDS`; what is changed of the model or the training."""

    sense: str
    world: str = ""
    change: Change = lambda run: run


def vectors_only(run: Run) -> Run:
    return with_model(run, num_vectors=42, num_tensors=0)  # the same 126 numbers


VARIANTS = {
    "points": Variant("points"),
    "dgcnn": Variant("points", change=lambda run: with_sense(run, "points", encoder="dgcnn")),
    "pointnet2": Variant("points", change=lambda run: with_sense(run, "points", encoder="pointnet2")),
    "point_transformer": Variant("points", change=lambda run: with_sense(run, "points", encoder="point_transformer")),
    "trunk_512": Variant("points", change=lambda run: with_model(run, trunk_dim=512)),
    "predictor_512": Variant("points", change=lambda run: with_model(run, predictor_hidden=512)),
    "vectors_only": Variant("points", change=vectors_only),
    "tensors_only": Variant("points", change=lambda run: with_model(run, num_vectors=0, num_tensors=14)),
    "equivariant_half": Variant("points", change=lambda run: with_model(run, num_vectors=9, num_tensors=4)),
    "equivariant_twice": Variant("points", change=lambda run: with_model(run, num_vectors=36, num_tensors=16)),
    "points_64": Variant("points", change=lambda run: with_sense(run, "points", num_train_points=64)),
    "points_256": Variant("points", change=lambda run: with_sense(run, "points", num_train_points=256)),
    "points_scans_only": Variant("points", "scans_only"),
    "points_300_procedural": Variant("points", "300_procedural"),
    "points_1000_procedural": Variant("points", "1000_procedural"),
    "points_so3": Variant("points", "so3"),
    "rgb": Variant("rgb"),
    "rgb_vectors_only": Variant("rgb", change=vectors_only),
    "rgb_width_16": Variant("rgb", change=lambda run: with_sense(run, "rgb", width=16, blocks=0)),
    "rgb_width_32": Variant("rgb", change=lambda run: with_sense(run, "rgb", width=32)),
    "rgb_blocks_3": Variant("rgb", change=lambda run: with_sense(run, "rgb", blocks=3)),
    "rgb_scans_only": Variant("rgb", "scans_only"),
    "rgb_300_procedural": Variant("rgb", "300_procedural"),
    "rgb_so3": Variant("rgb", "so3"),
}
WORLDS: dict[str, Change] = {
    "": lambda run: run,
    "scans_only": lambda run: with_data(run, procedural=0),
    "300_procedural": lambda run: with_data(run, procedural=300, procedural_states=30),  # as many states as the recipe
    "1000_procedural": lambda run: with_data(run, procedural=1000, procedural_states=9),
    "so3": lambda run: with_data(run, policy=replace(run.data.policy, max_angle_deg="so3")),
}
IN_WORDS = {
    "points": "recipe, point cloud",
    "rgb": "recipe, RGB",
    "equivariant_half": "equivariant part halved",
    "equivariant_twice": "equivariant part doubled",
    "dgcnn": "DGCNN",
    "pointnet2": "PointNet++",
    "point_transformer": "point transformer",
    "points_64": "64 points",
    "points_256": "256 points",
    "points_scans_only": "scans only",
    "rgb_scans_only": "RGB, scans only",
}
"""How variants are written in the figure, where not by their name."""
STEPS, N_WAY, EPISODES, NUM_TRAINING_STATES = 800, 7, 200, 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"), help="folder of runs, cells and claims")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS), help="which to train")
    parser.add_argument("--seeds", nargs="+", type=script.at_least(0), default=[0, 1], help="seeds of training")
    parser.add_argument(
        "--processes", type=script.at_least(1), default=os.cpu_count() or 1, help="cells at once, one thread each"
    )
    parser.add_argument("--data-root", type=Path, help="folder of meshes (default: the YCB scans)")
    parser.add_argument("--tiny", action="store_true", help="few steps and objects, to see that it runs")
    arguments = parser.parse_args()
    cells: list[Cell] = [(variant, seed) for seed in arguments.seeds for variant in arguments.variants]
    missing = [cell for cell in cells if not cell_path(arguments.out / "cells", *cell).exists()]
    print(f"ablations: {len(cells) - len(missing)} of {len(cells)} cells are there already", flush=True)
    run = base(arguments)
    for sense, world in sorted({(VARIANTS[name].sense, VARIANTS[name].world) for name, _ in missing}):
        # Made before cells that share them start side by side.
        stores(in_world(run, sense, world))
        validation_stores(run, sense)
    work = partial(run_cell, run, arguments.out, arguments.tiny)
    sweep(missing, work, logs=arguments.out / "logs", processes=arguments.processes)
    report(arguments.out)


def base(arguments: argparse.Namespace) -> Run:
    run = (
        with_data(tiny(), states_per_object=(4, 4, 4)) if arguments.tiny else with_optim(one_stream(ycb()), steps=STEPS)
    )
    run = with_data(run, root=arguments.data_root or run.data.root, processes=arguments.processes)
    return replace(with_recipe(run, probe_every=0), out=arguments.out / "runs", stores=arguments.out / "stores")


def in_world(run: Run, sense: str, world: str) -> Run:
    """The run with that sense alone, learning from that world."""
    assert run.stores
    changed = WORLDS[world](with_senses(run, sense)) if run.data.root or world == "so3" else with_senses(run, sense)
    return replace(changed, stores=run.stores / f"{sense}-{world}".rstrip("-"))


def validation_stores(run: Run, sense: str) -> dict[str, Store]:
    """Ending of a metric -> the recipe's validation store, and its objects again in any orientation."""
    val = stores(in_world(run, sense, ""), progress=False)["val"]
    known = simulation_of(val)
    turned = replace(known, policy=replace(known.policy, max_angle_deg="so3"), seed=known.seed + 1)
    folder = val.path.parent / "val-so3"
    return {"": val, "_so3": Store(generate(turned, folder, processes=run.data.processes, progress=False))}


def run_cell(run: Run, out: Path, small: bool, name: str, seed: int) -> None:
    begun, variant = time.monotonic(), VARIANTS[name]
    changed = with_recipe(variant.change(in_world(run, variant.sense, variant.world)), seed=seed)
    pretrained = pretrain(replace(changed, out=run.out / f"{name}-{seed}"))
    model, train = pretrained.model, pretrained.store("train")
    evaluated = validation_stores(run, variant.sense)
    objects = [o.name for o in evaluated[""].objects]
    n_way = min(N_WAY, len(objects), len(train.objects))
    training = encode(model, train, some_states(train, NUM_TRAINING_STATES))
    strength = choose_strength(training, variant.sense, k_shot=1, n_way=n_way)
    metrics: dict[str, list[float]] = {}
    for ending, store in evaluated.items():
        encoded = encode(model, store)
        h1 = encoded.by_object(outcome_hits(model, encoded, variant.sense))
        episodes = episodes_of(encoded, k_shot=1, n_way=n_way, num_episodes=20 if small else EPISODES)
        accuracy = accuracy_by_object(encoded, variant.sense, episodes, strength)
        metrics |= {f"h1{ending}": np.round(h1, 5).tolist(), f"1shot{ending}": np.round(accuracy, 5).tolist()}
    log = (pretrained.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    seconds = max(json.loads(line).get("seconds", 0.0) for line in log)
    parameters = sum(p.numel() for p in model.parameters())
    about = {"variant": name, "sense": variant.sense, "seed": seed, "objects": objects, "parameters": parameters}
    about |= made(f"python experiments/ablations.py --variants {name} --seeds {seed}", begun) | {
        "minutes": seconds / 60
    }
    write_json(cell_path(out / "cells", name, seed), about | {"metrics": metrics})


def report(out: Path) -> None:
    """Records and the figure of all cells that there are."""
    cells = finished(out / "cells")
    records: dict[str, Record] = {}
    for variant in (name for name in VARIANTS if name in cells):
        sense = VARIANTS[variant].sense
        records[f"ablation.{sense}.{variant}.h1"] = record(variant, cells[variant], cells.get(sense, {}))
    write_claims(out / "claims/ablations.json", records)
    draw(records, out / "figures/ablations.png")
    for name, found in records.items():
        _, sense, variant, _ = name.split(".")
        words = f"H@1 of 16, validation objects, {sense}, {variant.replace('_', ' ')}"
        print(percent(words, found, "chance", "h1_ahead", "1shot", "1shot_ahead"))


def record(variant: str, own: dict[int, dict], recipe: dict[int, dict]) -> Record:
    """H@1 of the cells of a variant, seed -> cell; beside it the other metrics, and the difference from the cells of
    the recipe itself, paired by seed and object."""
    about = next(iter(own.values()))
    found = {metric: share([own[seed]["metrics"][metric] for seed in sorted(own)]) for metric in about["metrics"]}
    h1 = found.pop("h1")
    controls: dict[str, object] = {"chance": 1 / 16, "parameters": about["parameters"]}
    for metric, each in found.items():
        controls |= bounds(metric, each)
    both = sorted(set(own) & set(recipe))
    if own is not recipe and both:
        for metric in ("h1", "1shot"):
            pairs = [(own[seed]["metrics"][metric], recipe[seed]["metrics"][metric]) for seed in both]
            controls |= bounds(f"{metric}_ahead", difference([np.subtract(*pair) for pair in pairs]))
    seeds = " ".join(map(str, sorted(own)))
    return Record(
        h1.value,
        h1.ci95,
        seeds=len(own),
        n=h1.n,
        unit="H@1 of 16, validation objects",
        controls=controls,
        command=f"python experiments/ablations.py --variants {about['sense']} {variant} --seeds {seeds}",
        commit=about["commit"],
        commits=tuple(dict.fromkeys(cell["commit"] for cell in [*own.values(), *(recipe[seed] for seed in both)])),
        minutes=round(float(np.mean([cell["minutes"] for cell in own.values()])), 2),
        machine=about["machine"],
    )


def share(values: Sequence) -> Estimate:
    """Mean of H@1 or accuracies [seeds, objects], with its interval over both."""
    return share_over_seeds_and_objects(np.array(values))


def difference(values: Sequence) -> Estimate:
    """The same of differences [seeds, objects]."""
    return over_seeds_and_objects(np.array(values))


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
