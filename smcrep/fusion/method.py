"""Fusion that is learned on frozen embeddings: the two kinds, how long they are learned, what they are learned on."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from smcrep.transition import Batch, Beliefs


class Fuser(Protocol):
    """Embeddings of the senses -> one embedding, whatever senses are present. An `nn.Module` whose ``forward`` takes
    beliefs with means [..., m, d] and gives [..., D]; directions count, lengths do not."""

    def __call__(self, beliefs: Beliefs) -> Tensor: ...


@runtime_checkable
class Decider(Protocol):
    """Decisions of the senses -> one decision. ``isinstance(method, Decider)`` tells the two kinds apart."""

    def decide(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
        """Logits [..., m, c] of each sense alone over c classes, and what the senses held -> log-probabilities
        [..., c]. Uniform where no sense is present."""
        ...


@dataclass(frozen=True)
class FitSettings:
    """How a method is built and learned; `smcrep.fusion.baselines.tuning.tune` searches over these fields.

    lr             of AdamW, at its largest: it rises over the first tenth of the steps and falls to 0 as a cosine.
    steps, batch   gradient steps, rows in each.
    sense_dropout  probability that a sense of a row is dropped in training; one sense always stays (`drop_senses`).
    weight_decay   of AdamW, on matrices alone.
    temperature    cosines are divided by it before the softmax.
    checks         how often a validation score is asked; the best weights are kept.
    width          numbers in a hidden layer or token.
    num_layers     hidden layers or blocks.
    heads          of attention; divides ``width``.
    num_tokens     that each sense becomes, in methods that attend.
    num_latents    learned queries of the methods that have some.
    skip           a network's output is added to the plain mean of the senses (`AddedToMean`) instead of replacing it.
    readout        of the late-fusion transformer: ``mean`` over its tokens, or its ``cls`` token.
    whole          all numbers of each sense are read, not the invariant part alone.
    """

    lr: float = 1e-3
    steps: int = 400
    batch: int = 512
    sense_dropout: float = 0.2
    weight_decay: float = 1e-2
    temperature: float = 0.1
    checks: int = 4
    width: int = 64
    num_layers: int = 2
    heads: int = 4
    num_tokens: int = 1
    num_latents: int = 4
    skip: bool = True
    readout: str = "mean"
    whole: bool = False

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(
                f"FitSettings: width {self.width} is no multiple of heads {self.heads}; choose one that is"
            )
        if not 0 <= self.sense_dropout < 1:
            raise ValueError(f"FitSettings: sense_dropout is {self.sense_dropout!r}; give a probability below 1")
        if self.readout not in ("mean", "cls"):
            raise ValueError(f"FitSettings: readout is {self.readout!r}; choose mean or cls")


@dataclass(frozen=True)
class Decisions(Batch):
    """What a `Decider` learns from: n decisions of each sense alone, whose answers are known."""

    logits: Tensor  # [n, m, c]; anything where the sense is absent
    beliefs: Beliefs  # [n]
    label: Tensor  # int64 [n], the class that is right, of 0..c-1
    index: Tensor  # int64 [n], the row of the data, for methods that keep a history of rows
    severity: Tensor | None = None  # [n, m] how badly each sense was corrupted (0 not at all), where it is known


def drop_senses(present: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """bool [..., m] -> the same with each sense gone with ``probability``, independently of the others; where all would
    go, one of those present, drawn uniformly, stays."""
    chance = torch.rand(present.shape, generator=generator).to(present.device)
    kept = present & (chance >= probability)
    last = chance.masked_fill(~present, -1)
    stays = present & (last == last.amax(-1, keepdim=True))  # the largest of those that all fell below
    return torch.where(kept.any(-1, keepdim=True), kept, stays)


def parameter_count(method: nn.Module) -> int:
    """How many numbers are learned."""
    return sum(p.numel() for p in method.parameters())


def seen(beliefs: Beliefs) -> Tensor:
    """Means [..., m, d] with zeros where a sense is absent: what is there, NaN included, reaches nothing."""
    return torch.where(beliefs.present[..., None], beliefs.mean, 0)


def mean_over_present(values: Tensor, present: Tensor) -> Tensor:
    """[..., m, d] and bool [..., m] -> [..., d]; zeros where no sense is present."""
    total = torch.where(present[..., None], values, 0).sum(-2)
    return total / present.sum(-1, keepdim=True).clamp_min(1)
