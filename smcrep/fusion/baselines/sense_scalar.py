"""One number for each sense, read from its embedding."""

from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.fusion.baselines.per_sense import SenseLinear, network_input
from smcrep.transition import Beliefs


class SenseScalar(nn.Module):
    """Beliefs -> [..., m]: one hidden layer of its own for each sense. The embedding is not normalised, so its norm is
    seen. What an absent sense gets is no more than a constant."""

    def __init__(self, num_senses: int, dim: int, width: int) -> None:
        super().__init__()
        self.hidden = SenseLinear(num_senses, dim, width)
        self.out = SenseLinear(num_senses, width, 1)

    def forward(self, beliefs: Beliefs) -> Tensor:
        return self.out(F.gelu(self.hidden(network_input(beliefs))))[..., 0]
