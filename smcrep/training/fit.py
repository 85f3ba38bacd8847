"""The loop around `step_loss`: one process, DDP or SLURM; interrupted and resumed, it ends in the same weights."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from smcrep.files import file_lock
from smcrep.models.model import SensorimotorModel
from smcrep.training import checkpoint
from smcrep.training.build import build_optimiser, build_seeded_model
from smcrep.training.log import Log
from smcrep.training.recipes import Recipe
from smcrep.training.schedule import learning_rate
from smcrep.training.step import StepInput, StepLoss
from smcrep.training.stop import StopSignals
from smcrep.transition import Targets, Transition

COSINES_EVERY = 100
"""Steps between cosines of the gradients of the loss's terms, which take seven tenths of a step (four terms, two
senses): 0.7 % of the time."""


class Batches(Protocol):
    """An endless stream of batches that can be continued where it stood, such as `data.loader.TransitionLoader`."""

    def __iter__(self) -> Iterator[tuple[Transition, Targets]]: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...

    def close(self) -> None: ...


class NotFinite(ArithmeticError):
    """The loss or its gradient is NaN or infinite; the message says at which step, in which terms, and what is left."""


@dataclass(frozen=True)
class Fitted:
    """step: steps done in all; stopped_by: the signal that ended the run before its last step, if one did."""

    model: SensorimotorModel
    step: int
    stopped_by: signal.Signals | None


def fit(
    recipe: Recipe,
    source: Callable[[int, int], Batches],
    out: Path,
    *,
    fabric: Fabric,
    probe: Callable[[SensorimotorModel], dict[str, float]] | None = None,
    resume: bool = True,
    cosines_every: int = COSINES_EVERY,
) -> Fitted:
    """Train the model of ``recipe`` into the folder ``out``: metrics.jsonl, tensorboard/, checkpoint/.

    source  (rank, world size) -> the batches of that process; called once the processes stand.
    fabric  from `build_fabric`.
    probe   model -> figures for the log, called every ``recipe.probe_every`` steps by the first process.
    resume  continue from out/checkpoint where there is one; on a CPU the weights then equal, bit for bit, those of a
            run that was never interrupted.
    cosines_every  steps between records of which terms of the loss pull against each other
            (`step.gradient_cosines`); 0: never. Weights and losses are the same with and without.

    SIGINT and SIGTERM end the run after the step in progress, with a checkpoint. Raises `NotFinite` before a bad
    gradient reaches the weights, the last checkpoint stays; ValueError where another process trains into ``out``.
    """
    with file_lock(out) if fabric.is_global_zero else nullcontext():
        return _fit(recipe, source, out, fabric, probe, resume, cosines_every)


def _fit(
    recipe: Recipe,
    source: Callable[[int, int], Batches],
    out: Path,
    fabric: Fabric,
    probe: Callable[[SensorimotorModel], dict[str, float]] | None,
    resume: bool,
    cosines_every: int,
) -> Fitted:
    state = checkpoint.load(out / "checkpoint", recipe) if resume else None
    model = build_seeded_model(recipe)
    if state:
        model.load_state_dict(state["model"])
    wrapped, optimiser = fabric.setup(StepLoss(model, recipe), build_optimiser(model, recipe.optim))
    batches = source(fabric.global_rank, fabric.world_size)
    step = 0
    if state:
        optimiser.load_state_dict(state["optimiser"])
        batches.load_state_dict(state["source"])
        step = int(state["step"])
    saved = step if state else None
    log = Log(out, first_step=step, num_steps=recipe.optim.steps) if fabric.is_global_zero else None
    if log and state:
        log.load_state_dict(state["log"], fabric.device)

    def save() -> None:
        if log:
            parts = {"model": model, "optimiser": optimiser, "source": batches, "log": log}
            states = {name: part.state_dict() for name, part in parts.items()}
            checkpoint.save(out / "checkpoint", {"step": step, **states}, recipe)

    wrapped.train()
    with ExitStack() as stack:
        signals = stack.enter_context(StopSignals())
        for opened in (log, batches):
            if opened:
                stack.enter_context(closing(opened))
        stream = iter(batches)
        while step < recipe.optim.steps and not _anyone(fabric, signals.received is not None):
            rate = learning_rate(step, recipe.optim)
            for group in optimiser.param_groups:
                group["lr"] = rate * group["lr_scale"]
            transition = next(stream)[0].to(fabric.device)
            with _own_randomness(recipe.seed, step, fabric) as generator:
                cosines = bool(cosines_every) and (step + 1) % cosines_every == 0
                total, parts = wrapped(StepInput(transition, generator, cosines=cosines))
            fabric.backward(total)
            norm = fabric.clip_gradients(wrapped, optimiser, max_norm=recipe.optim.grad_clip, error_if_nonfinite=False)
            assert norm is not None
            if not bool(torch.isfinite(total) & torch.isfinite(norm)):
                raise NotFinite(_not_finite(step + 1, total, parts, out, saved))
            optimiser.step()
            optimiser.zero_grad()
            step += 1
            if log:
                log.add(
                    {"loss": total.detach(), **parts, "gradient_norm": norm}, fabric.world_size * _count(transition)
                )
                if step % recipe.log_every == 0 or step == recipe.optim.steps:
                    log.write(step, {"learning_rate": rate})
                if probe and _due(step, recipe.probe_every, recipe.optim.steps):
                    log.record(step, {f"probe/{name}": value for name, value in probe(model).items()})
            if _due(step, recipe.checkpoint_every, recipe.optim.steps):
                save()
                saved = step
        if saved != step:
            save()
    return Fitted(model, step, signals.received if step < recipe.optim.steps else None)


@contextmanager
def _own_randomness(seed: int, step: int, fabric: Fabric) -> Iterator[torch.Generator]:
    """A generator that depends on seed, step and rank alone, and torch's own seeded likewise for the layers inside a
    model that draw from it (stochastic depth); torch's own is put back after. So no state needs saving."""
    entropy = np.random.SeedSequence((seed, step, fabric.global_rank))
    own, layers = (int(n) for n in entropy.generate_state(2, np.uint64) >> np.uint64(1))
    on_cuda = fabric.device.type == "cuda"
    with torch.random.fork_rng(devices=[fabric.device] if on_cuda else []):
        torch.default_generator.manual_seed(layers)
        if on_cuda:
            torch.cuda.manual_seed(layers)
        yield torch.Generator().manual_seed(own)


def _anyone(fabric: Fabric, stopped: bool) -> bool:
    """Whether any process received a stop signal: they must all leave the loop after the same step."""
    if fabric.world_size == 1:
        return stopped
    flag = fabric.all_reduce(torch.tensor(float(stopped), device=fabric.device), reduce_op="max")
    return bool(flag)


def _due(step: int, every: int, last: int) -> bool:
    return bool(every) and (step % every == 0 or step == last)


def _count(transition: Transition) -> int:
    """Observations in a batch."""
    num_states, num_outcomes = transition.action.vector().shape[:2]
    return num_states * (num_outcomes + 1)


def _not_finite(step: int, total: Tensor, parts: dict[str, Tensor], out: Path, saved: int | None) -> str:
    bad = [f"{name} is {float(value)}" for name, value in parts.items() if not torch.isfinite(value)]
    if not bad:
        bad = ["the gradient, of a finite loss"] if torch.isfinite(total) else ["the loss, of finite terms"]
    left = (
        "no checkpoint was saved yet" if saved is None else f"{checkpoint.path_in(out / 'checkpoint')} (step {saved})"
    )
    return f"training: step {step} is not finite: {', '.join(bad)}; last good checkpoint: {left}"
