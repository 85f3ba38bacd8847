"""Feature-wise linear modulation of each sense by the others."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.fusion.baselines.per_sense import SenseLinear, network_input
from smcrep.fusion.method import FitSettings, mean_over_present
from smcrep.transition import Beliefs


class FiLM(nn.Module):
    """FiLM(h_m | c_m) = gamma_m(c_m) * h_m + beta_m(c_m) (arXiv:1709.07871, eq. 2), gamma as 1 + what is predicted,
    with h_m = W_m x_m and the condition c_m = GELU of a projection of the *other* senses, averaged over those present
    (zeros where there are none); the mean of the results over the senses present goes through one hidden layer:
    [..., width].

    Traps: a generator that starts at zero and is decayed stays the identity, so it starts as any layer does; a
    condition never sees the sense that it modulates, so noise in that sense is met by a disagreement alone.
    """

    others: Tensor

    def __init__(self, num_senses: int, dim: int, settings: FitSettings) -> None:
        super().__init__()
        width = settings.width
        self.sense = SenseLinear(num_senses, dim, width)
        self.condition = SenseLinear(num_senses, dim, width)
        self.generator = SenseLinear(num_senses, width, 2 * width)
        self.out = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.register_buffer("others", ~torch.eye(num_senses, dtype=torch.bool), persistent=False)

    def forward(self, beliefs: Beliefs) -> Tensor:
        values = network_input(beliefs)
        code = F.gelu(self.condition(values))[..., None, :, :].expand(*values.shape[:-1], -1, -1)
        condition = mean_over_present(code, beliefs.present[..., None, :] & self.others)
        gamma, beta = self.generator(condition).chunk(2, -1)
        return self.out(mean_over_present((1 + gamma) * self.sense(values) + beta, beliefs.present))
