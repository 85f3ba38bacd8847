"""A model of a stack as the audit sees any model: inputs by name, one score a row."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.probes.collapse.adapter import Batch, with_replaced
from smcrep.zoo.knobs import Stack
from smcrep.zoo.network import features, observe, predict, similarity
from smcrep.zoo.rows import LATENT, audit_rows, exchanged, oracle_prediction
from smcrep.zoo.training import Trained
from smcrep.zoo.truth import REGRESSION
from smcrep.zoo.world import NUM_INPUTS, SENSES, SIGNALS, World, draw, varied

OUTCOME = "outcome"


class ZooModel:
    """Model ``index`` of a stack: an `Adapter`, with what detectors may also look at.

    Score: minus the squared error, or the cosine. The inputs are the plain ones: faults are a part of the model.
    curve [points]: validation loss over training.
    """

    signals = SIGNALS

    def __init__(self, trained: Trained, index: int) -> None:
        self.architecture, self.stack = trained.architecture, trained.stack.only(index)
        self.parameters, self.begun = (
            {name: value[index : index + 1] for name, value in weights.items()}
            for weights in (trained.parameters, trained.begun)
        )
        self.curve = trained.curve[:, index]
        self.gradient = trained.gradient[index]

    def score(self, batch: Batch, replaced: Batch) -> Tensor:
        inputs = packed(with_replaced(batch, replaced, self.signals))
        predicted = predict(self.parameters, inputs, self.architecture, self.stack)
        observed = observe(self.parameters, batch[OUTCOME][None], self.architecture, self.stack)
        return similarity(predicted, observed, self.architecture)[0]

    @torch.no_grad()
    def embeddings(self, batch: Batch) -> dict[str, Tensor]:
        """Features [b, 8] of each signal, and the prediction [b, 8] as "fused"."""
        inputs = packed(batch)
        own = features(self.parameters, inputs, self.stack)[0]
        fused = predict(self.parameters, inputs, self.architecture, self.stack)[0]
        return {name: own[i] for i, name in enumerate(self.signals)} | {"fused": fused}

    @property
    def gradient_share(self) -> dict[str, float]:
        """Of each signal's encoder, of the speeds |gradient|^2 / |weights|^2 of all, mean over training."""
        return dict(zip(self.signals, (self.gradient / self.gradient.sum()).tolist(), strict=True))


@dataclass(frozen=True)
class Oracle:
    """The world itself, an `Adapter`: minus the squared error of the mean outcome."""

    world: World
    stack: Stack
    signals: tuple[str, ...] = SIGNALS

    def score(self, batch: Batch, replaced: Batch) -> Tensor:
        inputs = packed(with_replaced(batch, replaced, self.signals))
        known = oracle_prediction(inputs, self.world, self.stack)
        return similarity(known, batch[OUTCOME][None], REGRESSION)[0]


def oracle_of(model: ZooModel, world: World) -> Oracle:
    return Oracle(world, model.stack)


def packed(batch: Batch) -> Tensor:
    """[1, b, 4 signals, 6] of the arrays by name."""
    inputs = torch.zeros(1, len(batch[SIGNALS[0]]), len(SIGNALS), NUM_INPUTS)
    for i, name in enumerate(SIGNALS):
        inputs[0, :, i, slice(None) if i in SENSES else LATENT] = batch[name]
    return inputs


def unpacked(inputs: Tensor) -> dict[str, Tensor]:
    """Arrays by name, [b, 2] of action and physics and [b, 6] of a sense, of inputs [b, 4 signals, 6]."""
    return {name: inputs[:, i, slice(None) if i in SENSES else LATENT] for i, name in enumerate(SIGNALS)}


Branches = dict[str, list[dict[str, Tensor]]]
"""Signal -> K arrays by name that replace some of a batch."""


def audit_batch(
    world: World, stack: Stack, index: int, generator: torch.Generator, *, num_rows: int, num_others: int
) -> tuple[dict[str, Tensor], Branches, Branches]:
    """Fresh rows of one model's pipeline; for each signal ``num_others`` other values of it, each as the rest of its
    row allows (a redundant signal can only be what it is); and the outcomes that these would have had, of noise of
    their own."""
    own = stack.only(index)
    draws = draw(num_rows, 1, generator)
    rows = audit_rows(draws, world, own)
    others: Branches = {name: [] for name in SIGNALS}
    outcomes: Branches = {name: [] for name in SIGNALS}
    for i, name in enumerate(SIGNALS):
        for _ in range(num_others):
            other = audit_rows(varied(draws, i, generator), world, own)
            others[name].append({name: unpacked(exchanged(rows.inputs, other.inputs, i)[0])[name]})
            outcomes[name].append({OUTCOME: other.outcome[0]})
    return {**unpacked(rows.inputs[0]), OUTCOME: rows.outcome[0]}, others, outcomes
