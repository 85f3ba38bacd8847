"""How noisy a reading of a sense is here and now: a variance for each observation, learned from errors that are known.

A sensor's fault of known severity is put on an observation; the error of the sense's embedding is the difference from
what the sense believes of the observation as it was. What foretells the error is where the embedding lies and how far
it is from what is usual: for this sense, and given what the other senses say. How often a place is visited plays no
part.
"""

import torch
from torch import Tensor, nn

HIDDEN = 64
FLOOR = 1e-3
"""Least variance, in units of the variance of clean readings: without a fault the error is exactly 0."""
CEILING = 1e3


def beta_nll(error: Tensor, variance: Tensor, beta: float = 0.5) -> Tensor:
    """sg(variance^beta) * 1/2 (error^2 / variance + log variance), elementwise. beta = 0 is the Gaussian negative
    log-likelihood, which gives up on hard points; beta = 1 gives all points the gradient of a squared error.
    Seitzer et al., arXiv:2203.09168, eq. 5."""
    return variance.detach() ** beta * 0.5 * (error.square() / variance + variance.log())


class VarianceHead(nn.Module):
    """Readings of one sense [..., p] and how unusual they are [..., u] -> variance [...], in units of the variance of
    clean readings, between FLOOR and CEILING."""

    def __init__(self, num_reading: int, num_unusual: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(num_reading + num_unusual, HIDDEN),
            nn.GELU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.GELU(),
            nn.Linear(HIDDEN, 1),
        )

    def forward(self, reading: Tensor, unusual: Tensor) -> Tensor:
        log_variance = self.layers(torch.cat([reading, unusual], -1))[..., 0]
        return FLOOR + torch.exp(log_variance.clamp(max=_LOG_CEILING))


_LOG_CEILING = float(torch.tensor(CEILING).log())
