"""Layers with weights of its own for each sense."""

import torch
from torch import Tensor, nn

from smcrep.fusion.method import seen
from smcrep.transition import Beliefs


def network_input(beliefs: Beliefs) -> Tensor:
    """sqrt(d) x_m, [..., m, d], zeros where absent: an embedding of unit norm has numbers of size 1 / sqrt(d), and
    layers that are drawn for numbers of size 1 would learn slowly from them."""
    return seen(beliefs) * beliefs.mean.shape[-1] ** 0.5


class SenseLinear(nn.Module):
    """y_m = x_m W_m + b_m: [..., m, i] -> [..., m, o], another matrix for each sense; drawn as `torch.nn.Linear` is."""

    def __init__(self, num_senses: int, num_in: int, num_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_senses, num_in, num_out).uniform_(-1, 1) / num_in**0.5)
        self.bias = nn.Parameter(
            torch.empty(num_senses * num_out).uniform_(-1, 1) / num_in**0.5
        )  # flat: no matrix to decay

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("...mi,mio->...mo", x, self.weight) + self.bias.view(self.weight.shape[0], -1)


class Tokens(nn.Module):
    """Beliefs -> tokens [..., m t, w] and which of them are of a sense that is present, bool [..., m t].

    Each sense is projected by a matrix of its own to t tokens; what tells the senses apart is its bias. The tokens of
    an absent sense are zeros: the caller masks or replaces them.
    """

    def __init__(self, num_senses: int, dim: int, width: int, num_tokens: int) -> None:
        super().__init__()
        self.num_tokens = num_tokens
        self.project = SenseLinear(num_senses, dim, width * num_tokens)

    def forward(self, beliefs: Beliefs) -> tuple[Tensor, Tensor]:
        projected = torch.where(beliefs.present[..., None], self.project(network_input(beliefs)), 0)
        tokens = projected.unflatten(-1, (self.num_tokens, -1)).flatten(-3, -2)
        return tokens, beliefs.present.repeat_interleave(self.num_tokens, -1)
