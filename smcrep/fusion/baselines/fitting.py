"""Methods learned on training objects."""

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.fusion.method import Decisions, FitSettings, drop_senses
from smcrep.transition import Beliefs

M = TypeVar("M", bound=nn.Module)


@runtime_checkable
class Prepared(Protocol):
    """A decider that reads statistics off its training data before any step."""

    def prepare(self, data: Decisions) -> None: ...


class Learned(Protocol):
    """A decider with weights that gradients change."""

    def loss(self, batch: Decisions, progress: float, generator: torch.Generator) -> Tensor:
        """[] to minimise; ``progress`` rises from 0 to 1 over the steps."""
        ...


@contextmanager
def drawn_by(generator: torch.Generator) -> Iterator[None]:
    """Layers made inside draw their first weights from ``generator``, and the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        yield


def fit(
    fuser: M,
    beliefs: Beliefs,
    label: Tensor,
    settings: FitSettings,
    *,
    generator: torch.Generator,
    validation: Callable[[M], float] | None = None,
) -> M:
    """``fuser``, learned on training objects: cosine softmax, i.e. cross-entropy of

        cos(fuser(beliefs), w_c) / temperature

    over the training objects c, whose directions w_c [D] are learned too and thrown away afterwards.

    beliefs     [n] rows of m senses, corrupted copies among them; rows without any sense are left out.
    label       int64 [n], which object; any numbers.
    validation  a score of the fuser, more is better, asked ``settings.checks`` times; the best weights are kept.
                Without it the last are.
    """
    if not list(fuser.parameters()):
        return fuser.eval()
    some = beliefs.present.any(-1)
    beliefs, label = beliefs[some], label[some]
    _, target = label.unique(return_inverse=True)
    with torch.no_grad():
        num_out = fuser(beliefs[:1]).shape[-1]
    directions = nn.Parameter(torch.randn(int(target.max()) + 1, num_out, generator=generator).to(beliefs.mean))

    def loss(index: Tensor, progress: float) -> Tensor:
        batch = beliefs[index]
        present = drop_senses(batch.present, settings.sense_dropout, generator)
        fused = F.normalize(fuser(replace(batch, present=present)), dim=-1)
        return F.cross_entropy(fused @ F.normalize(directions, dim=-1).T / settings.temperature, target[index])

    return _minimise(fuser, loss, len(target), settings, generator, validation, [directions])


def fit_decider(
    decider: M,
    data: Decisions,
    settings: FitSettings,
    *,
    generator: torch.Generator,
    validation: Callable[[M], float] | None = None,
) -> M:
    """``decider``, learned on few-shot decisions among training objects (`draw_decisions`). Its own ``loss`` is
    minimised; one without weights reads its statistics, if it wants any."""
    data = data[data.beliefs.present.any(-1)]
    if isinstance(decider, Prepared):
        decider.prepare(data)
    if not list(decider.parameters()):
        return decider.eval()
    learned: Learned = decider  # type: ignore[assignment]

    def loss(index: Tensor, progress: float) -> Tensor:
        batch = data[index]
        present = drop_senses(batch.beliefs.present, settings.sense_dropout, generator)
        return learned.loss(replace(batch, beliefs=replace(batch.beliefs, present=present)), progress, generator)

    return _minimise(decider, loss, len(data.label), settings, generator, validation, [])


def _minimise(
    method: M,
    loss: Callable[[Tensor, float], Tensor],
    num_rows: int,
    settings: FitSettings,
    generator: torch.Generator,
    validation: Callable[[M], float] | None,
    beside: list[nn.Parameter],
) -> M:
    """AdamW on the method's weights and those ``beside`` it; rows are drawn with replacement."""
    is_matrix = {name: name.endswith("weight") and p.ndim >= 2 for name, p in method.named_parameters()}
    matrices = [p for name, p in method.named_parameters() if is_matrix[name]]
    others = [p for name, p in method.named_parameters() if not is_matrix[name]] + beside  # biases, norms, tokens
    groups = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=settings.lr, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, settings.steps))
    best_score, best = -math.inf, None
    check_at = {round(settings.steps * (i + 1) / settings.checks) for i in range(settings.checks)}
    method.train()
    for step in range(1, settings.steps + 1):
        index = torch.randint(num_rows, (settings.batch,), generator=generator)
        optimizer.zero_grad()
        loss(index, step / settings.steps).backward()
        optimizer.step()
        schedule.step()
        if validation is not None and step in check_at:
            method.eval()
            with torch.no_grad():
                score = validation(method)
            if score > best_score:
                best_score, best = score, copy.deepcopy(method.state_dict())
            method.train()
    if best is not None:
        method.load_state_dict(best)
    return method.eval()


def _rate(step: int, steps: int) -> float:
    """Share of the rate: up over the first tenth, then a cosine to 0."""
    warm = max(1, steps // 10)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
