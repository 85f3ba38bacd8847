"""Fusion on the graph of the senses."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.fusion.baselines.per_sense import SenseLinear, network_input
from smcrep.fusion.method import FitSettings, mean_over_present
from smcrep.transition import Beliefs

SLOPE = 0.2
"""Of LeakyReLU below 0, as the paper has it."""


class GraphAttention(nn.Module):
    """One head of a graph attention layer on a fully connected graph (arXiv:1710.10903, eqs. 1-4):

        e_ij = LeakyReLU(a' [W h_i, W h_j]),  alpha_ij = softmax_j e_ij,  h'_i = ELU(sum_j alpha_ij W h_j)

    h [..., m, w], present bool [..., m]: absent nodes are no neighbours -> [..., m, w]. Every node is its own
    neighbour, even an absent one, whose result the caller leaves out.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width, bias=False)
        self.receive = nn.Linear(width, 1, bias=False)
        self.send = nn.Linear(width, 1, bias=False)

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        h = self.linear(h)
        energy = F.leaky_relu(self.receive(h) + self.send(h).transpose(-1, -2), SLOPE)
        itself = torch.eye(h.shape[-2], dtype=torch.bool, device=h.device)
        share = energy.masked_fill(~(present[..., None, :] | itself), -torch.inf).softmax(-1)
        return F.elu(share @ h)


class GraphFusion(nn.Module):
    """Senses are the nodes of a full graph; ``num_layers`` of graph attention, each added to what it read; mean over
    the nodes present, then a linear layer: [..., width].

    Trap: this attention ranks neighbours alike for all nodes (static attention, arXiv:2105.14491).
    """

    def __init__(self, num_senses: int, dim: int, settings: FitSettings) -> None:
        super().__init__()
        self.sense = SenseLinear(num_senses, dim, settings.width)
        self.layers = nn.ModuleList(GraphAttention(settings.width) for _ in range(settings.num_layers))
        self.out = nn.Linear(settings.width, settings.width)

    def forward(self, beliefs: Beliefs) -> Tensor:
        h = F.gelu(self.sense(network_input(beliefs)))
        for layer in self.layers:
            h = h + layer(h, beliefs.present)
        return self.out(mean_over_present(h, beliefs.present))
