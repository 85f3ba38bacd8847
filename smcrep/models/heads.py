"""From the trunk of a sense to its belief: an invariant part, an equivariant part, and how sure it is of each."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.models.config import ModelConfig

MAX_LOG_PRECISION = 3.0
"""|log-precision| stays below this, so one sense outweighs another at most e^6 = 403 times: a sense declared
worthless would get no gradient back, and could never recover."""


class BeliefHead(nn.Module):
    """trunk float [b, t] -> mean [b, d], log_precision [b, d] with d = invariant_dim + 3 num_vectors.

    Each part has unit L2 norm, so that no sense dominates by its norm. The equivariant part is divided by one norm
    over all its numbers: every vector keeps its share, and the division commutes with rotations.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.sizes = config.invariant_dim, config.equivariant_dim
        self.invariant = _two_layers(config.trunk_dim, config.invariant_dim)
        self.equivariant = _two_layers(config.trunk_dim, config.equivariant_dim)
        self.log_precision = nn.Linear(config.trunk_dim, 2)
        nn.init.zeros_(self.log_precision.weight)  # all senses count alike until something is learned
        nn.init.zeros_(self.log_precision.bias)

    def forward(self, trunk: Tensor) -> tuple[Tensor, Tensor]:
        mean = torch.cat([F.normalize(self.invariant(trunk), dim=-1), F.normalize(self.equivariant(trunk), dim=-1)], -1)
        bounded = MAX_LOG_PRECISION * torch.tanh(self.log_precision(trunk) / MAX_LOG_PRECISION)
        parts = [bounded[..., i : i + 1].expand(*trunk.shape[:-1], size) for i, size in enumerate(self.sizes)]
        return mean, torch.cat(parts, -1)


def projector(config: ModelConfig) -> nn.Module:
    """Invariant part [..., di] -> [..., projector_dim], where the contrast is taken."""
    hidden = 2 * config.invariant_dim
    return nn.Sequential(nn.Linear(config.invariant_dim, hidden), nn.GELU(), nn.Linear(hidden, config.projector_dim))


def _two_layers(num_in: int, num_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(num_in, num_in), nn.GELU(), nn.Linear(num_in, num_out))
