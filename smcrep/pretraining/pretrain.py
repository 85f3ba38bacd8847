"""Stores, training, calibration, the model on disk: one call."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from lightning_fabric import Fabric

from smcrep.data.loader import Source, TransitionLoader
from smcrep.data.mixture import MixedLoader
from smcrep.data.store import Store
from smcrep.hub import save_pretrained
from smcrep.pretraining.folder import RECIPE, Pretrained, write_stores
from smcrep.pretraining.run import Run
from smcrep.pretraining.stores import BESIDE, shares, some_states, stores, stores_folder
from smcrep.results import commit, write_json
from smcrep.training import checkpoint
from smcrep.training.build import build_fabric, build_seeded_model
from smcrep.training.cache import cached, frozen_layers
from smcrep.training.calibrate import calibrate_precision
from smcrep.training.fit import Fitted, fit
from smcrep.training.online import online_probe
from smcrep.training.recipes import Recipe
from smcrep.training.scaling import scaled
from smcrep.transition import concatenate

NUM_SCALING_STATES = 256
NUM_PROBE_STATES = 120
NUM_CALIBRATION_STATES = 240


class Interrupted(KeyboardInterrupt):
    """SIGINT or SIGTERM ended a training before its last step; a checkpoint was saved, the same call goes on.

    Carries ``signal`` and ``step``."""

    def __init__(self, fitted: Fitted) -> None:
        assert fitted.stopped_by is not None
        self.signal, self.step = fitted.stopped_by, fitted.step
        super().__init__(f"{self.signal.name} after step {self.step}; the same command goes on from there")


def pretrain(
    run: Run,
    *,
    fabric: Fabric | None = None,
    progress: bool = True,
    changed: Callable[[Source], Source] = lambda source: source,
) -> Pretrained:
    """Make the stores that are missing, train the model of ``run.recipe``, calibrate the precision of each sense on
    validation objects, and save it.

    Leaves in ``run.out``: recipe.json, run.json, stores.json, metrics.jsonl, tensorboard/, checkpoint/ and model/.
    Interrupted, the same call goes on, bit for bit on a CPU; called again on a finished run, it trains nothing.

    fabric  of the processes that train (`training.build.build_fabric`); None: as ``run.compute`` says. All of them
            return; the first has written.
    changed what is trained on in place of a training store (`planted`).

    Raises `Interrupted`; `training.fit.NotFinite`; ValueError where the folder belongs to another run.
    """
    fabric = fabric or build_fabric(run.compute, run.recipe.optim)
    model = build_seeded_model(run.recipe)  # what cannot be built is refused before minutes of simulation, not after
    if run.compute.cache != "none":
        frozen_layers(model)
    begun, shown = time.monotonic(), progress and fabric.is_global_zero
    with fabric.rank_zero_first():
        made = stores(run, progress=shown)
    generated = time.monotonic()
    recipe = _scaled(run.recipe, made)
    state = checkpoint.load(run.out / "checkpoint", recipe)  # of another run: refused before its folder is written to
    is_done = state is not None and state["step"] >= recipe.optim.steps
    sources = _training_stores(made) if is_done else _sources(run, recipe, made, fabric, shown)
    if fabric.is_global_zero:
        write_json(run.out / RECIPE, recipe.to_json())
        write_json(run.out / "run.json", replace(run, recipe=recipe).to_json())
        write_stores(run.out, {split: store.path for split, store in made.items()})
    fitted = _fit(run, recipe, made["val"], [changed(source) for source in sources], fabric)
    if fitted.stopped_by:
        raise Interrupted(fitted)
    if fabric.is_global_zero:
        _save(run.out, recipe, fitted, made)
        if progress:
            ended = time.monotonic()
            print(f"{run.out}: stores {generated - begun:.0f} s, training {ended - generated:.0f} s", flush=True)
    fabric.barrier()  # what the first wrote is there for all
    return Pretrained(run.out)


def keep_frozen(run: Run, *, progress: bool = True) -> None:
    """Make what is missing of the stores of ``run`` and of what its `Compute.cache` keeps of them, as `pretrain` would:
    before runs that share them start side by side."""
    fabric = build_fabric(run.compute, run.recipe.optim)
    made = stores(run, progress=progress)
    _sources(run, _scaled(run.recipe, made), made, fabric, progress)


def _training_stores(made: dict[str, Store]) -> list[Store]:
    return [made[name] for name in ("train", BESIDE) if name in made]


def _scaled(recipe: Recipe, made: dict[str, Store]) -> Recipe:
    train = _training_stores(made)
    names = recipe.model.names
    return scaled(
        recipe, concatenate([s.transitions(some_states(s, NUM_SCALING_STATES // len(train)), names) for s in train])
    )


def _fit(run: Run, recipe: Recipe, val: Store, sources: Sequence[Source], fabric: Fabric) -> Fitted:
    states = some_states(val, NUM_PROBE_STATES)

    def batches(rank: int, world_size: int) -> MixedLoader:
        where = {"seed": recipe.seed, "rank": rank, "world_size": world_size}
        numbers = zip(sources, shares(run), strict=True)
        return MixedLoader([TransitionLoader(source, batch_states=number, **where) for source, number in numbers])

    probe = online_probe(val.transitions(states, recipe.model.names), val.targets(states))
    return fit(recipe, batches, run.out, fabric=fabric, probe=probe)


def _sources(run: Run, recipe: Recipe, made: dict[str, Store], fabric: Fabric, shown: bool) -> Sequence[Source]:
    """What is trained on, with what frozen layers make of it where it is kept."""
    train, compute = _training_stores(made), run.compute
    if compute.cache == "none":
        return train
    model = build_seeded_model(recipe).to(fabric.device)
    with fabric.rank_zero_first():
        return cached(
            model,
            train,
            stores_folder(run) / "frozen",
            numbers=compute.cache,
            max_bytes=compute.cache_gb * 1e9,
            shown=shown,
        )


def _save(out: Path, recipe: Recipe, fitted: Fitted, made: dict[str, Store]) -> None:
    val = made["val"]
    known = val.transitions(some_states(val, NUM_CALIBRATION_STATES), recipe.model.names)
    shifts = calibrate_precision(fitted.model, known, recipe.objective, steps=recipe.calibration_steps)
    provenance = {
        "recipe": recipe.name,
        "steps": fitted.step,
        "commit": commit(),
        "data": [store.manifest.config for store in _training_stores(made)],
        "precision_shifts": shifts,
    }
    save_pretrained(fitted.model.cpu(), out / "model", provenance)
