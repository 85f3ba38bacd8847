"""Intermediate fusion: hidden layers of each sense, concatenated, then a joint network."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.fusion.baselines.per_sense import SenseLinear, network_input
from smcrep.fusion.method import FitSettings
from smcrep.transition import Beliefs


class IntermediateMLP(nn.Module):
    """z = MLP([h_1, ..., h_m]) with h_m = GELU(W_m x_m + b_m) and a learned token for the h_m of an absent sense:
    [..., width]. ``num_layers`` counts the hidden layers of the joint network. What surveys call intermediate fusion,
    or fusion of features (arXiv:1705.09406).

    Trap: noisy features of one sense share neurons with predictive ones of another (arXiv:2505.22483).
    """

    def __init__(self, num_senses: int, dim: int, settings: FitSettings) -> None:
        super().__init__()
        width = settings.width
        self.sense = SenseLinear(num_senses, dim, width)
        self.absent = nn.Parameter(torch.randn(num_senses, width) / width**0.5)
        layers: list[nn.Module] = []
        for i in range(settings.num_layers):
            layers += [nn.Linear(width * (num_senses if i == 0 else 1), width), nn.GELU()]
        self.joint = nn.Sequential(*layers, nn.Linear(width if settings.num_layers else num_senses * width, width))

    def forward(self, beliefs: Beliefs) -> Tensor:
        hidden = torch.where(beliefs.present[..., None], F.gelu(self.sense(network_input(beliefs))), self.absent)
        return self.joint(hidden.flatten(-2))
