"""Does training wait for its data, and what does the loop around the loss cost?

    python experiments/benchmarks/training.py       # about 7 minutes; --tiny: seconds

The recipe `demo`, 16 states of 9 observations a step, of a store that is simulated first. In turn: `fit` from the store
through `TransitionLoader`, `fit` of batches that lie in memory, and a loop by hand of the same batches: `step_loss`,
backward, clipping and AdamW, nothing else. `loader.wait_share` is the share of a step that the first spends in next();
`train.overhead` is the share by which the second takes longer than the third (log, check for numbers that are not
finite, randomness of each step's own; checkpoints and probes, due every 200 steps, are left out). Expected: below 0.05
and 0.10.
"""

import contextlib
import io
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ratios import CORES, Findings, command_line, interleaved
from torch import nn

from smcrep.data.loader import TransitionLoader
from smcrep.data.store import Store
from smcrep.pretraining import demo, tiny
from smcrep.pretraining.stores import some_states
from smcrep.training.build import Compute, build_fabric, build_optimiser, build_seeded_model
from smcrep.training.fit import Batches, fit
from smcrep.training.recipes import Recipe
from smcrep.training.scaling import scaled
from smcrep.training.step import step_loss
from smcrep.transition import Targets, Transition
from smcrep.worlds.generate import Simulation, generate
from smcrep.worlds.objects.source import ProceduralObjects

Batch = tuple[Transition, Targets]
WARM_STEPS = 4  # of every run; they do not count


class InMemory:
    """The same batches over and over, at no cost."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches, self.position = batches, 0

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        self.position += 1
        return self.batches[self.position % len(self.batches)]

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None: ...

    def close(self) -> None: ...


class Timed:
    """A source that notes when each batch was requested and when it was there."""

    def __init__(self, source: Batches) -> None:
        self.source, self.stream = source, iter(source)
        self.requested: list[float] = []
        self.received: list[float] = []
        self.state_dict, self.load_state_dict, self.close = source.state_dict, source.load_state_dict, source.close

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        self.requested.append(time.perf_counter())
        batch = next(self.stream)
        self.received.append(time.perf_counter())
        return batch

    def seconds_a_step(self) -> float:
        return seconds_a_step(self.requested)

    def wait_share(self) -> float:
        requested, received = np.array(self.requested[WARM_STEPS:]), np.array(self.received[WARM_STEPS:])
        return float((received - requested)[:-1].sum() / (requested[-1] - requested[0]))


def seconds_a_step(begun: list[float]) -> float:
    return (begun[-1] - begun[WARM_STEPS]) / (len(begun) - 1 - WARM_STEPS)


def by_hand(recipe: Recipe, batches: list[Batch]) -> float:
    """Seconds a step, of as many steps as `fit` does."""
    model = build_seeded_model(recipe).train()
    optimiser = build_optimiser(model, recipe.optim)
    generator = torch.Generator().manual_seed(recipe.seed)
    begun = []
    for step in range(recipe.optim.steps):
        begun.append(time.perf_counter())
        transition = batches[step % len(batches)][0]
        loss = step_loss(model, transition, recipe.objective, sense_dropout=recipe.sense_dropout, generator=generator)
        loss.total.backward()
        nn.utils.clip_grad_norm_(model.parameters(), recipe.optim.grad_clip)
        optimiser.step()
        optimiser.zero_grad()
    return seconds_a_step(begun)


def simulated(folder: Path, *, small: bool) -> Store:
    """Enough states for an epoch of 24 steps."""
    simulation = Simulation(ProceduralObjects(48), states_per_object=8)
    if small:
        simulation = Simulation(ProceduralObjects(4), states_per_object=2, image_size=32, num_points=32)
    return Store(generate(simulation, folder / "store", processes=1 if small else CORES, progress=False))


def main(findings: Findings, folder: Path, *, small: bool) -> None:
    recipe = (tiny() if small else demo()).recipe
    store = simulated(folder, small=small)
    optim = replace(recipe.optim, steps=WARM_STEPS + (3 if small else 2 * recipe.log_every + 1))
    recipe = replace(recipe, optim=optim, checkpoint_every=0, probe_every=0)
    recipe = scaled(recipe, store.transitions(some_states(store, 128), recipe.model.names))
    fabric = build_fabric(Compute(), recipe.optim)
    run, waits = count(), []

    def loader() -> TransitionLoader:
        return TransitionLoader(store, batch_states=recipe.optim.batch_states, seed=recipe.seed)

    with loader() as some:
        batches = [next(some) for _ in range(2 if small else 16)]

    def fitted(source: Batches) -> Timed:
        timed = Timed(source)
        with contextlib.redirect_stderr(io.StringIO()):
            fit(recipe, lambda rank, world_size: timed, folder / f"run-{next(run)}", fabric=fabric, resume=False)
        return timed

    def from_store() -> float:
        timed = fitted(loader())
        waits.append(timed.wait_share())
        return observations / timed.seconds_a_step()

    observations = recipe.optim.batch_states * (store.num_branches + 1)
    ways = {
        "fit_from_store": from_store,
        "fit_from_memory": lambda: observations / fitted(InMemory(batches)).seconds_a_step(),
        "by_hand": lambda: observations / by_hand(recipe, batches),
    }
    rates = interleaved(ways, 1 if small else 12)
    speeds = {f"{name}_per_s": float(np.median(found)) for name, found in rates.items()}
    waited = np.array(waits[1:])  # the first round warmed
    findings.add("loader.wait_share", waited, speeds, unit="share of a step", bar="<= 0.05")
    overhead = rates["by_hand"] / rates["fit_from_memory"] - 1
    findings.add("train.overhead", overhead, speeds, unit="share of a step", bar="<= 0.10")


if __name__ == "__main__":
    arguments = command_line(__doc__).parse_args()
    findings = Findings(arguments)
    with tempfile.TemporaryDirectory() as name:
        main(findings, Path(name), small=arguments.tiny)
    findings.end()
