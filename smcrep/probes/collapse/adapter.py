"""What the collapse audit needs of a model, and adapters for the usual kinds; any object of this shape will do.

A batch is a dictionary of tensors [b, ...]. Signals (action, physics, a sense, language ...) are some of its keys; the
others hold targets and whatever else the model takes. To replace a signal is to give the model other values under its
key while the targets stay.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Batch = Mapping[str, Tensor]


class Adapter(Protocol):
    """A model as the audit sees it."""

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the signals, keys of every batch."""
        ...

    def score(self, batch: Batch, replaced: Batch) -> Tensor:
        """[b], higher better: how well each row's target is met where the signals ``replaced`` have other values. Row i
        depends on row i alone (put BatchNorm in evaluation mode), or on negatives that stay the same."""
        ...


@dataclass(frozen=True)
class KeywordModel:
    """Any module, or function, that takes its inputs by keyword.

    module   inputs by name -> output; gets ``inputs`` of the batch.
    loss     (output, batch) -> [b] or [b, ...], lower better; averaged over all axes but the first.
    signals  those of the inputs that are audited.
    inputs   names of all that the module takes; None: the signals.
    """

    module: Callable[..., Tensor]
    loss: Callable[[Tensor, Batch], Tensor]
    signals: tuple[str, ...]
    inputs: tuple[str, ...] | None = None

    def score(self, batch: Batch, replaced: Batch) -> Tensor:
        given = with_replaced(batch, replaced, self.signals)
        names = self.signals if self.inputs is None else self.inputs
        return _per_row(-self.loss(self.module(**{name: given[name] for name in names}), batch), batch)


@dataclass(frozen=True)
class LatentPredictor:
    """A world model that predicts the latent of the next observation.

    encode    observations by name, each [b, ...] -> latent [b, ...].
    predict   (latent [b, ...], conditions by name) -> predicted latent.
    senses    names of what is observed before, and under the same name with ``next_suffix`` what is observed after.
    conditions  names of what `predict` is told: action, physics.

    Score: cosine of predicted and observed latent. The observation after is never replaced, so a model that encodes
    everything to one point scores 1 with any signal: use without effect is seen, collapse of the encoder needs
    `rank_me` beside it.
    """

    encode: Callable[[Batch], Tensor]
    predict: Callable[[Tensor, Batch], Tensor]
    senses: tuple[str, ...]
    conditions: tuple[str, ...]
    next_suffix: str = "_next"

    @property
    def signals(self) -> tuple[str, ...]:
        return self.senses + self.conditions

    def score(self, batch: Batch, replaced: Batch) -> Tensor:
        given = with_replaced(batch, replaced, self.signals)
        latent = self.encode({name: given[name] for name in self.senses})
        predicted = self.predict(latent, {name: given[name] for name in self.conditions})
        observed = self.encode({name: batch[name + self.next_suffix] for name in self.senses})
        return torch.cosine_similarity(predicted.flatten(1).double(), observed.flatten(1).double(), dim=-1)


@dataclass(frozen=True)
class Policy:
    """A policy: observations by name -> action chunk [b, t, a].

    act      observations by name, each [b, ...] -> actions.
    signals  names of the observations, language among them.
    target   name in the batch of the actions that were taken, [b, t, a].
    scale    [a] or a number: what an error is divided by, such as the deviation of each action.

    Score: minus the mean absolute error in units of ``scale``. The actions of a demonstration are one of many right
    ones, so a drop shows that the policy moves away from them, no drop that it does not hear the signal.
    """

    act: Callable[[Batch], Tensor]
    signals: tuple[str, ...]
    target: str = "action"
    scale: Tensor | float = 1.0

    def score(self, batch: Batch, replaced: Batch) -> Tensor:
        given = with_replaced(batch, replaced, self.signals)
        acted = self.act({name: given[name] for name in self.signals})
        return _per_row(-((acted - batch[self.target]) / self.scale).abs(), batch)


@dataclass(frozen=True)
class Classifier:
    """A classifier that takes its inputs by keyword: signals by name -> logits [b, c].

    target  name in the batch of the classes, int64 [b].

    Score: log-probability of the true class, in nats; log(1 / c) where nothing is known of c equally frequent classes.
    """

    module: Callable[..., Tensor]
    signals: tuple[str, ...]
    target: str = "label"

    def score(self, batch: Batch, replaced: Batch) -> Tensor:
        given = with_replaced(batch, replaced, self.signals)
        logits = self.module(**{name: given[name] for name in self.signals})
        return logits.double().log_softmax(-1).gather(-1, batch[self.target].long()[:, None])[:, 0]


@dataclass(frozen=True)
class Contrastive:
    """A model that is to find each row's own candidate among the c of the row.

    embed       signals by name -> query [b, d].
    candidates  name in the batch of the candidates' embeddings, [b, c, d], the row's own first. They stay when signals
                are replaced, and should be what the signals lead to from one state: candidates of other states are told
                apart without the action.

    Score: cosine with the own candidate minus the mean cosine with the others, -2 to 2; 0 for chance, at any
    temperature.
    """

    embed: Callable[[Batch], Tensor]
    signals: tuple[str, ...]
    candidates: str = "candidates"

    def score(self, batch: Batch, replaced: Batch) -> Tensor:
        given = with_replaced(batch, replaced, self.signals)
        query = self.embed({name: given[name] for name in self.signals})
        return margin(query, batch[self.candidates])


def margin(query: Tensor, candidates: Tensor) -> Tensor:
    """float64 [b]: cosine of queries [b, d] with the first of their candidates [b, c, d] minus the mean cosine with the
    others."""
    cosine = torch.cosine_similarity(query[:, None].double(), candidates.double(), dim=-1)
    return cosine[:, 0] - cosine[:, 1:].mean(-1)


def with_replaced(batch: Batch, replaced: Batch, signals: tuple[str, ...]) -> dict[str, Tensor]:
    """The batch with other values for some signals. ValueError for a name that is none, or another number of rows."""
    for name, values in replaced.items():
        if name not in signals or name not in batch:
            raise ValueError(f"adapter: {name!r} is no signal of the batch; the signals are {', '.join(signals)}")
        if values.shape != batch[name].shape:
            raise ValueError(
                f"adapter: {name!r} is replaced by {list(values.shape)}; give the shape {list(batch[name].shape)} that "
                "it has in the batch"
            )
    return {**batch, **replaced}


def _per_row(values: Tensor, batch: Batch) -> Tensor:
    """[b]: mean over all other axes. ValueError where the first is not the batch's."""
    rows = len(next(iter(batch.values())))
    if values.ndim == 0 or len(values) != rows:
        raise ValueError(
            f"adapter: a loss of shape {list(values.shape)} for {rows} rows; give one value a row (reduction='none')"
        )
    return values.flatten(1).mean(1) if values.ndim > 1 else values
