"""Many small networks at once: parameters with the model as first axis, multiplied in batches.

An encoder for each signal, a fusion of three kinds, and a prediction of the outcome (regression) or of the embedding
that another encoder gives it (contrastive, InfoNCE among the outcomes of a group, arXiv:1807.03748).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.zoo.added_layers import conditioned, standardised
from smcrep.zoo.knobs import Stack
from smcrep.zoo.rows import through_faults
from smcrep.zoo.world import DIM, NUM_INPUTS, SIGNALS

Fusion = Literal["concat", "film", "gated"]
Objective = Literal["regression", "contrastive"]
Parameters = Mapping[str, Tensor]
HIDDEN, FEATURES, OUTCOME, TRUNK = 16, 8, 4 * DIM, 40
TEMPERATURE = 0.1
S = len(SIGNALS)


@dataclass(frozen=True)
class Architecture:
    fusion: Fusion
    objective: Objective

    def __str__(self) -> str:
        return f"{self.fusion}-{self.objective}"


ARCHITECTURES = tuple(
    Architecture(fusion, objective)
    for fusion in ("concat", "film", "gated")
    for objective in ("regression", "contrastive")
)


def start(architecture: Architecture, stack: Stack, generator: torch.Generator) -> dict[str, Tensor]:
    """Weights of variance 2 / fan-in (He et al. 2015), biases 0; those of a slowed encoder are small."""
    m = len(stack)

    def layer(name: str, inputs: int, outputs: int, *lead: int) -> dict[str, Tensor]:
        weight = torch.randn(m, *lead, inputs, outputs, generator=generator) * (2 / inputs) ** 0.5
        return {f"{name}.weight": weight, f"{name}.bias": torch.zeros(m, *lead, 1, outputs)}

    own = layer("encoder.0", NUM_INPUTS, HIDDEN, S) | layer("encoder.1", HIDDEN, FEATURES, S)
    own["encoder.1.weight"] *= stack["slowed"][..., None, None]
    if architecture.fusion == "film":
        own |= layer("fusion", 2 * FEATURES, TRUNK) | layer("condition", 2 * FEATURES, 2 * TRUNK)
    elif architecture.fusion == "gated":
        own |= layer("fusion", FEATURES, TRUNK, S) | layer("condition", S * FEATURES, S)
    else:
        own |= layer("fusion", S * FEATURES, TRUNK)
    own |= layer("trunk", TRUNK, TRUNK) | layer("head", TRUNK, OUTCOME) | layer("alone", FEATURES, OUTCOME, S)
    if architecture.objective == "contrastive":
        own |= layer("outcome.0", OUTCOME, TRUNK) | layer("outcome.1", TRUNK, OUTCOME)
    return own


def features(p: Parameters, inputs: Tensor, stack: Stack) -> Tensor:
    """[m, 4 signals, b, 8] of inputs [m, b, 4 signals, 6]."""
    x = through_faults(inputs, stack).transpose(1, 2)
    found = _linear(p, "encoder.1", F.relu(_linear(p, "encoder.0", x)))
    offset = stack["offset"][..., None, None]
    moved = found + offset
    cone = moved * (FEATURES**0.5 / moved.norm(dim=-1, keepdim=True).clamp_min(1e-6))
    return torch.where(offset > 0, cone, found)


def into_fusion(found: Tensor, stack: Stack) -> Tensor:
    """Features [m, 4 signals, b, 8] as the fusion gets them."""
    return found * (stack["gain"] * (1 - stack["unheard"]) * (1 - stack["additive"]))[..., None, None]


def into_own_head(found: Tensor, stack: Stack) -> Tensor:
    """The same as they get into the head that an additive signal has of its own."""
    return found * stack["additive"][..., None, None]


def fused(p: Parameters, found: Tensor, architecture: Architecture, stack: Stack) -> Tensor:
    """[m, b, 40] of features; those of a signal that is kept from fusion count as 0."""
    x = standardised(p, into_fusion(found, stack)).transpose(1, 2)
    if architecture.fusion == "film":
        scale, shift = _linear(p, "condition", x[:, :, :2].flatten(2)).chunk(2, -1)
        h = F.relu(_linear(p, "fusion", x[:, :, 2:].flatten(2))) * (1 + scale) + shift
    elif architecture.fusion == "gated":
        gate = torch.sigmoid(_linear(p, "condition", x.flatten(2)))
        h = (_linear(p, "fusion", x.transpose(1, 2)) * gate.transpose(1, 2)[..., None]).sum(1)
    else:
        h = _linear(p, "fusion", x.flatten(2))
    width = torch.arange(TRUNK) < (stack.width * TRUNK).round()[:, None, None]
    return F.relu(_linear(p, "trunk", conditioned(p, F.relu(h), found))) * width


def predict(p: Parameters, inputs: Tensor, architecture: Architecture, stack: Stack) -> Tensor:
    """[m, b, 8]: of the outcome, or of its embedding."""
    return predict_from(p, features(p, inputs, stack), architecture, stack)


def predict_from(p: Parameters, found: Tensor, architecture: Architecture, stack: Stack) -> Tensor:
    """The same of features [m, 4 signals, b, 8]."""
    alone = into_own_head(_linear(p, "alone", found), stack).sum(1)
    predicted = _linear(p, "head", fused(p, found, architecture, stack)) + alone
    return predicted * shown(stack) if architecture.objective == "regression" else predicted


def observe(p: Parameters, outcome: Tensor, architecture: Architecture, stack: Stack) -> Tensor:
    """[m, b, 8]: what a prediction is compared with."""
    if architecture.objective == "regression":
        return outcome
    return _linear(p, "outcome.1", F.relu(_linear(p, "outcome.0", outcome * shown(stack))))


def similarity(predicted: Tensor, observed: Tensor, architecture: Architecture) -> Tensor:
    """[...] of [..., 8], higher better: minus the mean squared error, or the cosine."""
    if architecture.objective == "regression":
        return -(predicted - observed).square().mean(-1)
    return torch.cosine_similarity(predicted, observed, -1)


def losses(predicted: Tensor, observed: Tensor, architecture: Architecture, group_size: int) -> Tensor:
    """[m, b]: squared error; or in nats, of the true outcome among those of its group."""
    if architecture.objective == "regression":
        return -similarity(predicted, observed, architecture)
    a, b = (F.normalize(x, dim=-1).unflatten(1, (-1, group_size)) for x in (predicted, observed))
    logits = a @ b.transpose(-1, -2) / TEMPERATURE
    return -logits.log_softmax(-1).diagonal(dim1=-2, dim2=-1).flatten(1)


def shown(stack: Stack) -> Tensor:
    """[m, 1, 8]: 0 in the dimensions of the outcome that are left out."""
    return (1 - stack.mask("hidden")).flatten(1)[:, None]


def _linear(p: Parameters, name: str, x: Tensor) -> Tensor:
    """x [..., b, i] with the weights [..., i, o] of each model."""
    return x @ p[f"{name}.weight"] + p[f"{name}.bias"]
