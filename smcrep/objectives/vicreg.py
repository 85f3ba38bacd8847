"""VICReg: agreement without negatives, kept from collapse by the variance and covariance of the batch."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.transition import Loss


@dataclass(frozen=True)
class VICRegWeights:
    """The paper's values."""

    invariance: float = 25.0
    variance: float = 25.0
    covariance: float = 1.0


def vicreg(za: Tensor, zb: Tensor, weights: VICRegWeights) -> Loss:
    """Weighted sum of three terms of two batches [n >= 2, d] (arXiv:2105.04906), normalised as in the authors' code:

    invariance  mean over rows *and dimensions* of (za - zb)^2 (eq. 5 sums over dimensions).
    variance    mean over dimensions of max(0, 1 - std), *halved* and summed over the two batches (eq. 1 and 2).
    covariance  sum of squared covariances off the diagonal over d (not d^2), summed over the two batches (eq. 3, 4).
    """
    if za.shape != zb.shape or za.ndim != 2 or len(za) < 2:
        raise ValueError(
            f"vicreg: za is {tuple(za.shape)} and zb {tuple(zb.shape)}; give two batches [n >= 2, d] alike"
        )
    invariance = F.mse_loss(za, zb)
    variance = (_variance(za) + _variance(zb)) / 2
    covariance = _covariance(za) + _covariance(zb)
    total = weights.invariance * invariance + weights.variance * variance + weights.covariance * covariance
    parts = {"invariance": invariance, "variance": variance, "covariance": covariance}
    return Loss(total, {name: part.detach() for name, part in parts.items()})


def _variance(z: Tensor) -> Tensor:
    std = (z.var(0) + 1e-4).sqrt()  # eps inside: the root has no finite slope at a collapsed dimension
    return torch.relu(1 - std).mean()


def _covariance(z: Tensor) -> Tensor:
    centred = z - z.mean(0)
    covariance = centred.T @ centred / (len(z) - 1)
    off_diagonal = covariance - torch.diag(covariance.diagonal())
    return off_diagonal.square().sum() / z.shape[1]
