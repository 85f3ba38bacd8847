"""Gated multimodal unit."""

import torch
from torch import Tensor, nn

from smcrep.fusion.baselines.per_sense import SenseLinear, network_input
from smcrep.fusion.method import FitSettings
from smcrep.transition import Beliefs


class GatedUnit(nn.Module):
    """Gated multimodal unit for m senses (arXiv:1702.01992, sec. 3.1, fig. 2a):

        h = sum_m z_m * h_m,  h_m = tanh(W_m x_m),  z_m = sigmoid(Y_m [x_1, ..., x_m])

    with a gate for each of the ``width`` numbers: [..., width]. An absent sense adds no h_m, and stands for zeros in
    what the gates read beside one number for each sense that says whether it is there. Biases are ours.

    Traps: a sigmoid saturates, and then gives no gradient to a sense that it closed; the gates do not sum to 1.
    """

    def __init__(self, num_senses: int, dim: int, settings: FitSettings) -> None:
        super().__init__()
        self.sense = SenseLinear(num_senses, dim, settings.width)
        self.gate = nn.Linear(num_senses * (dim + 1), num_senses * settings.width)

    def forward(self, beliefs: Beliefs) -> Tensor:
        values = network_input(beliefs)
        there = beliefs.present[..., None]
        gate = self.gate(torch.cat([values, there.to(values)], -1).flatten(-2)).sigmoid()
        hidden = torch.where(there, torch.tanh(self.sense(values)), 0)
        return (gate.unflatten(-1, hidden.shape[-2:]) * hidden).sum(-2)
