"""Every objective at one small budget, on the same model: who finds the outcome, who recognises, and at what cost?

    python experiments/objectives.py --out runs/objectives              # every cell: some 2 hours on 2 cores
    python experiments/objectives.py --variants ours ntxent+equimod --seeds 0 1 2
    python experiments/objectives.py --tiny --variants ours ntxent+augself --out runs/o    # a minute

A cell is one objective with one seed: recipe `ycb` with one image stream, 800 steps, the same vectors and tensors, the
same calibration where the objective trains the fused embedding, evaluated on validation objects. A+B is an invariance
with an equivariance and their default weights; they keep the recipe's predictor, but for `equimod_published` and
`sie_published`, which have their paper's, and for `seqjepa`, which is read by its own networks: recognition from its
aggregate of one view, the outcome from one view and the action. `untrained` is the model before its first step. CARE
needs one action on all states and contrast through time needs frames in order, which this store has not: they are left
out. Cells run several at once, one thread each; interrupted, the same command goes on, and a cell that is written is
done.

    objective.VARIANT.h1     the true outcome among 16, fused; beside it 7-way recognition with one label, the outcome
                             across senses, residuals of the group laws, gain over no change, seconds a step, and the
                             differences from ours, paired by object

Leaves cells/VARIANT-SEED.json, claims/objectives.json and figures/objectives.png in ``--out``. Expected: without an
equivariance the outcome is near what the untrained model finds; recognition differs less than outcomes do.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from smcrep import script
from smcrep.evaluation.by_object import laws, outcomes, recognition
from smcrep.evaluation.comparison import bounds
from smcrep.evaluation.encoded import Encoded, encode
from smcrep.evaluation.recognition import choose_strength
from smcrep.evaluation.sentence import percent
from smcrep.geometry.action import ActionLike
from smcrep.models.model import SensorimotorModel
from smcrep.objectives import (
    CARE,
    SIE,
    CombinedWeights,
    Equivariance,
    Invariance,
    SeqJEPAWeights,
    SequenceModel,
    VICReg,
    objectives,
    standardise,
)
from smcrep.pretraining import Run, pretrain, stores, tiny, ycb
from smcrep.pretraining.folder import Pretrained
from smcrep.pretraining.stores import some_states
from smcrep.pretraining.variants import one_stream, with_data, with_model, with_optim, with_recipe
from smcrep.probes.intervals import Estimate, over_seeds_and_objects, share_over_seeds_and_objects
from smcrep.provenance import made
from smcrep.report import marks
from smcrep.report.style import COLOURS, picture
from smcrep.results import Record, write_claims, write_json
from smcrep.sweep import Cell, cell_path, finished, sweep
from smcrep.training import checkpoint
from smcrep.training.build import build_seeded_model
from smcrep.transition import FUSED

Change = Callable[[Run], Run]
STEPS, N_WAY, EPISODES, NUM_TRAINING_STATES = 800, 7, 200, 400
OURS, UNTRAINED = "ours", "untrained"


def of(name: str) -> Change:
    return lambda run: with_recipe(run, objective=objectives()[name]())


def variants() -> dict[str, Change]:
    """Every invariance alone, every equivariance beside NT-Xent, and what papers publish together."""
    named = [f"{a}+none" for a in Invariance.kinds()]
    named += [f"ntxent+{b}" for b in Equivariance.kinds() if b not in ("none", CARE.kind())]
    named += ["byol+conditionalbyol", "vicreg+inverse", "sigreg+inverse", "clip", "crosspoint", "seqjepa"]
    sie = CombinedWeights(VICReg(10, 0, 0), SIE())
    return {
        OURS: lambda run: run,
        UNTRAINED: lambda run: with_optim(run, steps=1, warmup=0, lr=1e-12),
        **{name: of(name) for name in named},
        "equimod_published": lambda run: with_model(of("equimod")(run), predictor="equimod"),
        "sie_published": lambda run: with_model(with_recipe(run, objective=sie), predictor="sie"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/objectives"), help="folder of runs, cells and claims")
    parser.add_argument(
        "--variants",
        nargs="+",
        default=list(variants()),
        choices=list(variants()),
        metavar="NAME",
        help="which to train",
    )
    parser.add_argument("--seeds", nargs="+", type=script.at_least(0), default=[0], help="seeds of training")
    parser.add_argument(
        "--processes", type=script.at_least(1), default=os.cpu_count() or 1, help="cells at once, one thread each"
    )
    parser.add_argument("--data-root", type=Path, help="folder of meshes (default: the YCB scans)")
    parser.add_argument("--tiny", action="store_true", help="few steps and objects, to see that it runs")
    arguments = parser.parse_args()
    cells: list[Cell] = [(variant, seed) for seed in arguments.seeds for variant in arguments.variants]
    missing = [cell for cell in cells if not cell_path(arguments.out / "cells", *cell).exists()]
    print(f"objectives: {len(cells) - len(missing)} of {len(cells)} cells are there already", flush=True)
    run = base(arguments)
    if missing:
        stores(run)  # made before cells that share them start side by side
    work = partial(run_cell, run, arguments.out, arguments.tiny)
    sweep(missing, work, logs=arguments.out / "logs", processes=arguments.processes)
    report(arguments.out)


def base(arguments: argparse.Namespace) -> Run:
    run = (
        with_data(tiny(), states_per_object=(4, 4, 4)) if arguments.tiny else with_optim(one_stream(ycb()), steps=STEPS)
    )
    run = with_data(run, root=arguments.data_root or run.data.root, processes=arguments.processes)
    return replace(with_recipe(run, probe_every=0), out=arguments.out / "runs", stores=arguments.out / "stores")


def run_cell(run: Run, out: Path, small: bool, name: str, seed: int) -> None:
    begun = time.monotonic()
    changed = with_recipe(variants()[name](run), seed=seed)
    pretrained = pretrain(replace(changed, out=run.out / f"{name}-{seed}"), progress=False)
    model, train, val = pretrained.model, pretrained.store("train"), pretrained.store("val")
    training, encoded = encode(model, train, some_states(train, NUM_TRAINING_STATES)), encode(model, val)
    if isinstance(changed.recipe.objective, SeqJEPAWeights):
        by_sequences = BySequences(pretrained, training)
        model = cast(SensorimotorModel, by_sequences)
        training, encoded = by_sequences.seen(training), by_sequences.seen(encoded)
    metrics = measured(model, training, encoded, num_episodes=20 if small else EPISODES)
    log = (pretrained.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    seconds = max(json.loads(line).get("seconds", 0.0) for line in log)
    about = {"variant": name, "seed": seed, "seconds_per_step": seconds / changed.recipe.optim.steps}
    about |= made(f"python experiments/objectives.py --variants {name} --seeds {seed}", begun)
    rounded = {k: np.round(v, 5).tolist() for k, v in metrics.items()}
    write_json(cell_path(out / "cells", name, seed), about | {"metrics": rounded})


def measured(
    model: SensorimotorModel, training: Encoded, encoded: Encoded, *, num_episodes: int
) -> dict[str, np.ndarray]:
    """Metric -> its value for each validation object; without group laws where the actions move no embedding."""
    n_way = min(N_WAY, len(encoded.objects), len(training.objects))
    strengths = {(FUSED, 1): choose_strength(training, k_shot=1, n_way=n_way)}
    hits = outcomes(model, encoded, controls=False)
    across = np.mean([values for name, values in hits.items() if ">" in name], 0)
    found = {"h1": hits[f"h1.{FUSED}"], "h1_across": across}
    found["1shot"] = recognition(encoded, strengths, n_way=n_way, num_episodes=num_episodes)[f"1shot.{FUSED}"]
    try:
        kept = laws(model, encoded)
    except ValueError:  # an encoder that collapsed
        return found
    return found | {name: kept[f"law_{name}.{FUSED}"] for name in ("inverse", "composition", "gain")}


class BySequences:
    """seq-JEPA read as its authors do: invariant is the aggregate (of one view), equivariant the whole latent, and the
    outcome is what the objective's own networks predict from one view. All of them are in the checkpoint alone."""

    def __init__(self, pretrained: Pretrained, training: Encoded) -> None:
        recipe = pretrained.recipe
        trained = build_seeded_model(recipe)
        state = checkpoint.load(pretrained.path / "checkpoint", recipe)
        assert state is not None
        trained.load_state_dict(state["model"])
        self.config, self.scale = trained.config, trained.action_encoder.action_scale
        self.network = cast(SequenceModel, trained.objective_heads["sequence"]).eval()
        self.every = {sense: h.flatten(0, 1) for sense, h in training.latent.items()}

    @torch.no_grad()
    def seen(self, encoded: Encoded) -> Encoded:
        """Its latents standardised as those of ``training``, behind their aggregates."""
        latent = {}
        for sense, h in encoded.latent.items():
            h = standardise(h, self.every[sense])
            one = h.flatten(0, 1)[:, None]
            aggregate = self.network.aggregate(one, one.new_zeros(len(one), 0, self.config.action_dim))
            latent[sense] = torch.cat([aggregate.unflatten(0, h.shape[:2]), h], -1)
        return replace(encoded, latent=latent, num_invariant=latent[FUSED].shape[-1] - self.config.embed_dim)

    def condition(self, action: ActionLike, physics: object = None) -> Tensor:
        return self.scale(action.vector())

    @torch.no_grad()
    def predict(self, source: str, h: Tensor, action: Tensor) -> Tensor:
        found = self.network(h.flatten(0, -2)[:, None], action.flatten(0, -2)[:, None])
        return found.unflatten(0, h.shape[:-1])


def report(out: Path) -> None:
    """Records, table and picture of all cells that there are."""
    cells = finished(out / "cells")
    records = {
        f"objective.{name}.h1": record(name, cells[name], cells.get(OURS, {})) for name in variants() if name in cells
    }
    write_claims(out / "claims/objectives.json", records)
    draw(records, out / "figures/objectives.png")
    for name, found in records.items():
        words = f"H@1 of 16, validation objects, {name.split('.')[1]}"
        print(percent(words, found, "chance", "h1_ahead", "1shot", "1shot_ahead"))


def record(variant: str, own: dict[int, dict], ours: dict[int, dict]) -> Record:
    """H@1 of the cells of a variant, seed -> cell, with all else that was measured and the differences from ours."""
    about = next(iter(own.values()))
    shares = {metric: shared(own, metric, share_over_seeds_and_objects) for metric in ("h1", "1shot", "h1_across")}
    h1 = shares.pop("h1")
    controls: dict[str, object] = {"chance": 1 / 16, "seconds_per_step": about["seconds_per_step"]}
    for metric, each in shares.items():
        controls |= bounds(metric, each)
    for metric in ("inverse", "composition", "gain"):
        if all(metric in cell["metrics"] for cell in own.values()):
            controls |= bounds(metric, shared(own, metric, over_seeds_and_objects))
    both = sorted(set(own) & set(ours))
    if own is not ours and both:
        for metric in ("h1", "1shot"):
            apart = [np.subtract(own[seed]["metrics"][metric], ours[seed]["metrics"][metric]) for seed in both]
            controls |= bounds(f"{metric}_ahead", over_seeds_and_objects(np.array(apart)))
    seeds = " ".join(map(str, sorted(own)))
    return Record(
        h1.value,
        h1.ci95,
        seeds=len(own),
        n=h1.n,
        unit="H@1 of 16, validation objects",
        controls=controls,
        command=f"python experiments/objectives.py --variants {OURS} {variant} --seeds {seeds}",
        commit=about["commit"],
        commits=tuple(dict.fromkeys(cell["commit"] for cell in [*own.values(), *(ours[seed] for seed in both)])),
        minutes=round(float(np.mean([cell["minutes"] for cell in own.values()])), 2),
        machine=about["machine"],
    )


def shared(cells: dict[int, dict], metric: str, estimate: Callable[[np.ndarray], Estimate]) -> Estimate:
    return estimate(np.array([cells[seed]["metrics"][metric] for seed in sorted(cells)]))


def draw(records: dict[str, Record], path: Path) -> None:
    """Recognition against outcome; the line joins what nothing else beats in both."""
    names = [name.split(".")[1] for name in records]
    points = np.array([(float(found.controls["1shot"]), found.value) for found in records.values()])  # type: ignore[arg-type]
    with picture(path, size=(6.5, 5.0)) as (_, axes):
        axis = axes[0]
        for name, (x, y) in zip(names, points, strict=True):
            axis.plot(x, y, "o", ms=6, color=COLOURS["ours" if name == OURS else "simclr"])
            axis.annotate(name.replace("_", " "), (x, y), xytext=(5, 3), textcoords="offset points", fontsize=7)
        best = points[pareto(points)]
        axis.plot(*best[best[:, 0].argsort()].T, lw=1, color=COLOURS["ours"], zorder=1)
        marks.reference(axis, 1 / 16, "chance")
        marks.reference(axis, 1 / N_WAY, "chance", vertical=True)
        axis.set(xlabel="7-way recognition, one label each: accuracy", ylabel="outcome among 16: H@1")


def pareto(points: np.ndarray) -> Sequence[int]:
    """Rows of points [n, 2] that no other row equals or exceeds in both and exceeds in one."""
    at_least = (points[None] >= points[:, None]).all(-1)
    above = (points[None] > points[:, None]).any(-1)
    return np.flatnonzero(~np.any(at_least & above, axis=1)).tolist()


if __name__ == "__main__":
    script.run("objectives", main)
