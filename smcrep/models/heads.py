"""From the trunks of a sense to its belief: an invariant part, an equivariant part, and how sure it is of each."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.models.config import ModelConfig

MAX_LOG_PRECISION = 3.0
"""|log-precision| stays below this, so one sense outweighs another at most e^6 = 403 times: a sense declared
worthless would get no gradient back, and could never recover."""


class BeliefHead(nn.Module):
    """(invariant [b, t], equivariant [b, t]) features -> mean [b, d], log_precision [b, d] with d = invariant_dim + 3
    num_vectors + 9 num_tensors.

    Each part has unit L2 norm, so that no sense dominates by its norm. The equivariant part is divided by one norm
    over all its numbers: every vector and tensor keeps its share, and the division commutes with rotations.

    Each number of the invariant part has a precision of its own, so senses can share the dimensions out between them
    (one precision for all would let the better sense silence the other); each vector and each tensor of the equivariant
    part has one, because a precision for each of its coordinates would not commute with rotations.

    Beliefs are float32 whatever the layers compute in: norms and exponentials of what follows want its range.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.invariant = _two_layers(config.trunk_dim, config.invariant_dim)
        self.equivariant = _two_layers(config.trunk_dim, config.equivariant_dim)
        self.invariant_precision = _unsure(config.trunk_dim, config.invariant_dim)
        self.equivariant_precision = _unsure(config.trunk_dim, config.num_vectors + config.num_tensors)
        self.parts = [config.num_vectors, config.num_tensors]

    def forward(self, invariant: Tensor, equivariant: Tensor) -> tuple[Tensor, Tensor]:
        parts = _wide(self.invariant(invariant)), _wide(self.equivariant(equivariant))
        mean = torch.cat([F.normalize(part, dim=-1) for part in parts], -1)
        of_vectors, of_tensors = self.equivariant_precision(equivariant).split(self.parts, -1)
        of_each = of_vectors.repeat_interleave(3, -1), of_tensors.repeat_interleave(9, -1)
        log_precision = _wide(torch.cat([self.invariant_precision(invariant), *of_each], -1))
        return mean, MAX_LOG_PRECISION * torch.tanh(log_precision / MAX_LOG_PRECISION)


def shift_precision(log_precision: Tensor, shift: Tensor) -> Tensor:
    """What `BeliefHead` would say with ``shift`` added to the biases of its precisions."""
    inside = torch.atanh((log_precision / MAX_LOG_PRECISION).clamp(-1 + 1e-6, 1 - 1e-6))
    return MAX_LOG_PRECISION * torch.tanh(inside + shift / MAX_LOG_PRECISION)


def projector(config: ModelConfig) -> nn.Module:
    """Invariant part [..., di] -> [..., projector_dim], where the contrast is taken."""
    hidden = 2 * config.invariant_dim
    return nn.Sequential(nn.Linear(config.invariant_dim, hidden), nn.GELU(), nn.Linear(hidden, config.projector_dim))


def _wide(x: Tensor) -> Tensor:
    """half and bfloat16 as float32, the rest as it is."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _two_layers(num_in: int, num_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(num_in, num_in), nn.GELU(), nn.Linear(num_in, num_out))


def _unsure(num_in: int, num_out: int) -> nn.Linear:
    layer = nn.Linear(num_in, num_out)
    nn.init.zeros_(layer.weight)  # all senses count alike until something is learned
    nn.init.zeros_(layer.bias)
    return layer
