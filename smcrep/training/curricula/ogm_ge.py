"""OGM-GE: the gradient of a signal that does better than the others is turned down (arXiv:2203.15332)."""

import torch
from torch import Tensor


def coefficients(quality: Tensor, alpha: Tensor | float) -> Tensor:
    """k [..., s]: factors on the gradients of the encoders,

        k_i = 1 - tanh(alpha rho_i) where rho_i > 1, else 1,

    rho_i the quality of signal i over the mean of those of the others; with two signals as in the paper.
    The jump at rho = 1 is the paper's.

    quality  [..., s] > 0: mean probability of the right answer by each signal alone.
    alpha    a number, or [..., 1].
    """
    others = (quality.sum(-1, keepdim=True) - quality) / (quality.shape[-1] - 1)
    rho = quality / others
    return torch.where(rho > 1, 1 - torch.tanh(alpha * rho), torch.ones_like(rho))


def with_noise(gradient: Tensor, dims: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """The "GE" of it: Gaussian noise of the gradient's own standard deviation, over ``dims``, is added. As in the
    authors' code that is the deviation before `coefficients` scale it."""
    noise = torch.randn(gradient.shape, generator=generator).to(gradient)
    return gradient + noise * gradient.std(dims, keepdim=True)
