"""Inverse-dynamics head: the suspected signal is to be read from what happened, and from what was predicted."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.zoo.cures.cure import Cure, Seen, Step, dense
from smcrep.zoo.knobs import Stack
from smcrep.zoo.network import FEATURES, OUTCOME, Architecture, Parameters
from smcrep.zoo.rows import LATENT
from smcrep.zoo.world import DIM, SENSES

HIDDEN = 16


@dataclass(frozen=True)
class InverseHead(Cure):
    """strength: weight of the loss. The head is fitted on what was observed, as in Sensorimotor World Models
    (arXiv:2606.20104); held fixed, it is asked of the prediction too, which must hold the signal where the head finds
    it in real outcomes. It sees the senses."""

    strengths: tuple[float, ...] = (0.1, 0.3)

    def weights(self, architecture: Architecture, stack: Stack, generator: torch.Generator) -> dict[str, Tensor]:
        inputs, m = OUTCOME + len(SENSES) * FEATURES, len(stack)
        return dense("inverse.0", inputs, HIDDEN, m, generator) | dense("inverse.1", HIDDEN, DIM, m, generator)

    def loss(self, p: Parameters, seen: Seen, step: Step) -> Tensor:
        told = seen.rows.inputs[:, :, step.signal, LATENT]
        senses = seen.found[:, list(SENSES)].transpose(1, 2).flatten(2).detach()
        fixed = {name: value.detach() for name, value in p.items() if name.startswith("inverse")}
        real = _read(p, torch.cat([seen.observed, senses], -1)) - told
        predicted = _read(fixed, torch.cat([seen.predicted, senses], -1)) - told
        return (real.square() + predicted.square()).mean(-1)


def _read(p: Parameters, x: Tensor) -> Tensor:
    hidden = F.relu(x @ p["inverse.0.weight"] + p["inverse.0.bias"])
    return hidden @ p["inverse.1.weight"] + p["inverse.1.bias"]
