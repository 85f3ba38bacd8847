"""Do many processes make what one makes? Stores and embeddings to the byte, gradients to rounding.

    python experiments/cluster.py --out runs/cluster      # 3 minutes on 2 cores

    engines.identical        share of the files of a store and of its embeddings that are the same, to the byte, made by
                             2 and 4 processes, by Ray (where it is installed) and by a SLURM array of 3 jobs, as by one
    ddp.max_gradient_error   length of the difference of the gradient of two processes (gloo) with half the states each
                             from that of one with all, over the length of that; the worst of the objectives.
                             Beside it what rounding does: one process, the same states in another order

Leaves claims/cluster.json in --out. Expected: 1, and a few 1e-6, as rounding.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed, multiprocessing

from smcrep import script
from smcrep.data.store import Store
from smcrep.objectives import ObjectiveWeights
from smcrep.pretraining import load, pretrain, tiny
from smcrep.provenance import stamped
from smcrep.results import Record, write_claims
from smcrep.training.build import build_seeded_model
from smcrep.training.step import step_loss

HERE = Path(__file__).parent
STORE = ["--num-objects", "26", "--states-per-object", "10", "--num-branches", "2"]
STORE += ["--image-size", "16", "--num-points", "16"]
ARRAY = 3
NUM_STATES = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/cluster"), help="folder of runs, stores and claims")
    out: Path = parser.parse_args().out
    pretrain(replace(tiny(), out=out / "run"))
    for measure in (engines, gradients):
        begun = time.monotonic()
        records = stamped(measure(out), "python experiments/cluster.py", begun)
        write_claims(out / "claims/cluster.json", records)
        for name, record in records.items():
            print(f"{name}: {record.value:.3g}  ({record.controls})", flush=True)


def engines(out: Path) -> dict[str, Record]:
    ways = {f"{n} processes": ("local", n) for n in (1, 2, 4)}
    if importlib.util.find_spec("ray"):
        ways["ray"] = ("ray", 2)
    ways["slurm"] = ("slurm", 1)
    stores, embeddings = {}, {}
    for way, (engine, processes) in ways.items():
        folder = out / way.replace(" ", "-")
        jobs = range(ARRAY) if engine == "slurm" else [None]
        for job in jobs:
            options = (*STORE, "--engine", engine, "--processes", str(processes))
            python("../datasets/prepare_procedural.py", str(folder / "store"), *options, job=job)
        # The provenance names the store, so all embed the same one.
        source = ("--run", str(out / "run"), "--store", str(out / "1-processes/store"), "--rows-per-shard", "100")
        for job in jobs:
            options = ("--engine", engine, "--processes", str(processes), "--out", str(folder / "embeddings"))
            python("extract.py", *source, *options, job=job)
        stores[way], embeddings[way] = contents(folder / "store"), contents(folder / "embeddings")
    same, files = {}, 0
    for way in list(ways)[1:]:
        pairs = [
            (alone.get(name), found.get(name))
            for alone, found in ((x["1 processes"], x[way]) for x in (stores, embeddings))
            for name in alone.keys() | found.keys()
        ]
        same[way], files = sum(a == b for a, b in pairs) / len(pairs), files + len(pairs)
    shards = Store(out / "1-processes/store").manifest.num_shards
    return {"engines.identical": Record(min(same.values()), n=files, unit="share", controls=same | {"shards": shards})}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def python(path: str, *arguments: str, job: int | None = None) -> None:
    array = {"ID": str(job), "COUNT": str(ARRAY), "MIN": "0"} if job is not None else {}
    environment = os.environ | {f"SLURM_ARRAY_TASK_{name}": value for name, value in array.items()}
    command = [sys.executable, str(HERE / path), *arguments]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def gradients(out: Path) -> dict[str, Record]:
    """Of every objective that there is, of the first model of the run."""
    errors, kinds = {}, ObjectiveWeights.kinds()
    for name in kinds:
        folder = out / f"gradients-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "meeting").unlink(missing_ok=True)
        multiprocessing.spawn(_half, (folder, out / "run", name), nprocs=2)
        alone = gradient(out / "run", name, 0, 1)
        both = torch.load(folder / "gradient.pt", weights_only=True)
        errors[name] = distance(alone, both)
        errors[f"{name}_backwards"] = distance(alone, gradient(out / "run", name, 0, 1, backwards=True))
    worst = max(errors[name] for name in kinds)
    return {"ddp.max_gradient_error": Record(worst, n=len(kinds), unit="relative", controls=errors)}


def distance(alone: torch.Tensor, other: torch.Tensor) -> float:
    return float((alone - other).double().norm() / alone.double().norm())


def _half(rank: int, folder: Path, run: Path, objective: str) -> None:
    torch.set_num_threads(1)
    meeting = f"file://{(folder / 'meeting').resolve()}"
    distributed.init_process_group("gloo", meeting, timedelta(minutes=2), rank=rank, world_size=2)
    found = gradient(run, objective, rank, 2)
    distributed.all_reduce(found)
    if rank == 0:
        torch.save(found / 2, folder / "gradient.pt")
    distributed.destroy_process_group()


def gradient(run: Path, objective: str, rank: int, world_size: int, *, backwards: bool = False) -> torch.Tensor:
    """float32 [parameters] of this process, with its share of the states."""
    recipe, store = load(run).recipe, load(run).store("train")
    model = build_seeded_model(recipe)
    number = min(NUM_STATES, store.num_states) // world_size
    states = torch.arange(rank * number, (rank + 1) * number).numpy()
    transition = store.transitions(states[::-1].copy() if backwards else states, recipe.model.names)
    loss = step_loss(model, transition, ObjectiveWeights.kinds()[objective](), augmented=False)
    loss.total.backward()
    return torch.cat([p.grad.flatten() if p.grad is not None else torch.zeros(p.numel()) for p in model.parameters()])


if __name__ == "__main__":
    script.run("cluster", main)
