"""How noisy a reading of a sense is here and now: a variance for each observation, learned from errors that are known.

A sensor's fault of known severity is put on an observation; the error is how far it turns what the sense believes away
from what it believed of the observation as it was. What foretells it is how unusual the belief is (`unusual.Unusual`):
for this sense, and given what the other senses say. Where the belief lies, and how often that place is visited, plays
no part: what was learned from some kinds of faults would not carry over to others.
"""

import torch
from torch import Tensor, nn

HIDDEN = 64
FLOOR = 1e-3
"""Least variance: without a fault the error is exactly 0."""
CEILING = 1e2
FAR = 20.0
"""Deviations of clean readings beyond which nothing is told apart."""


def beta_nll(error: Tensor, variance: Tensor, beta: float = 0.5) -> Tensor:
    """sg(variance^beta) * 1/2 (error^2 / variance + log variance), elementwise. beta = 0 is the Gaussian negative
    log-likelihood, which gives up on hard points; beta = 1 gives all points the gradient of a squared error.
    Seitzer et al., arXiv:2203.09168, eq. 5."""
    return variance.detach() ** beta * 0.5 * (error.square() / variance + variance.log())


class VarianceHead(nn.Module):
    """How unusual readings of one sense are [..., u] -> variance [...], between FLOOR and CEILING."""

    def __init__(self, num_readings: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.zeros(num_readings))
        self.register_buffer("std", torch.ones(num_readings))
        self.layers = nn.Sequential(
            nn.Linear(num_readings, HIDDEN),
            nn.GELU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.GELU(),
            nn.Linear(HIDDEN, 1),
        )

    def forward(self, readings: Tensor) -> Tensor:
        scaled = ((readings - self.mean) / self.std).clamp(-FAR, FAR)
        return FLOOR + torch.exp(self.layers(scaled)[..., 0].clamp(max=_LOG_CEILING))


_LOG_CEILING = float(torch.tensor(CEILING).log())
