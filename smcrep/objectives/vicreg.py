"""VICReg: agreement without negatives, kept from collapse by the variance and covariance of the batch."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.objectives.invariance import Invariance, Views
from smcrep.objectives.objective import ObjectiveWeights, Observed, mean_loss
from smcrep.transition import Loss


@dataclass(frozen=True)
class VICRegWeights(ObjectiveWeights):
    """VICReg with the paper's values, on each sense and on the fused embedding: view i and view i + 1 of each state,
    for all i in turn; the loss is the mean. Nothing is predicted."""

    invariance: float = 25.0
    """Weight of the squared distance of two views."""
    variance: float = 25.0
    """Weight of the hinge that keeps each number's standard deviation at 1."""
    covariance: float = 1.0
    """Weight of the squared covariances of different numbers."""

    def loss(self, observed: Observed) -> Loss:
        num_views = observed.fused.shape[1]
        losses = {}
        for sense, z in observed.latents().items():
            projected = observed.processes.gather(observed.project(z[..., : observed.num_invariant]))
            rounds = range(1 if num_views == 2 else num_views)  # of two views, the second pairing repeats the first
            each = [vicreg(projected[:, i], projected[:, (i + 1) % num_views], self) for i in rounds]
            total = torch.stack([loss.total for loss in each]).mean()
            parts = {name: torch.stack([loss.parts[name] for loss in each]).mean() for name in each[0].parts}
            losses[sense] = Loss(total, parts)
        return mean_loss(losses)


@dataclass(frozen=True)
class VICReg(Invariance):
    """`VICRegWeights` of two views."""

    invariance: float = 25.0
    """Weight of the squared distance of two views."""
    variance: float = 25.0
    """Weight of the hinge that keeps each number's standard deviation at 1."""
    covariance: float = 1.0
    """Weight of the squared covariances of different numbers."""

    def loss(self, views: Views) -> Loss:
        return vicreg(views.a, views.b, VICRegWeights(self.invariance, self.variance, self.covariance))


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
    variance = (deviation_hinge(za) + deviation_hinge(zb)) / 2
    covariance = off_diagonal_covariance(za) + off_diagonal_covariance(zb)
    total = weights.invariance * invariance + weights.variance * variance + weights.covariance * covariance
    parts = {"invariance": invariance, "variance": variance, "covariance": covariance}
    return Loss(total, {name: part.detach() for name, part in parts.items()})


def deviation_hinge(z: Tensor) -> Tensor:
    """Mean over the dimensions of z [n, d] of max(0, 1 - std) (arXiv:2105.04906, eq. 1)."""
    std = (z.var(0) + 1e-4).sqrt()  # eps inside: the root has no finite slope at a collapsed dimension
    return torch.relu(1 - std).mean()


def off_diagonal_covariance(z: Tensor) -> Tensor:
    """Sum of the squared covariances of different dimensions of z [n, d], over d (arXiv:2105.04906, eq. 3 and 4)."""
    centred = z - z.mean(0)
    covariance = centred.T @ centred / (len(z) - 1)
    off_diagonal = covariance - torch.diag(covariance.diagonal())
    return off_diagonal.square().sum() / z.shape[1]
