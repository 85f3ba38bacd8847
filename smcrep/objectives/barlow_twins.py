"""Barlow Twins: the cross-correlation of two views is pulled to the identity."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.objectives.invariance import Invariance, Views
from smcrep.transition import Loss

EPS = 1e-5
"""Added to the variance, as BatchNorm does in the authors' code."""


@dataclass(frozen=True)
class BarlowTwins(Invariance):
    """Barlow Twins with the paper's weight."""

    redundancy: float = 5e-3
    """Weight of the squared correlations of different numbers."""

    def loss(self, views: Views) -> Loss:
        return barlow_twins(views.a, views.b, self.redundancy)


def barlow_twins(za: Tensor, zb: Tensor, redundancy: float) -> Loss:
    """Sum over i of (1 - C_ii)^2 + redundancy * sum over i != j of C_ij^2 (arXiv:2103.03230, eq. 1), where C_ij is the
    correlation over the n >= 2 rows of number i of za and number j of zb (eq. 2), both [n, d].

    Constant embeddings have no correlation, so they read d.
    """
    if za.shape != zb.shape or za.ndim != 2 or len(za) < 2:
        raise ValueError(
            f"barlow_twins: za is {tuple(za.shape)} and zb {tuple(zb.shape)}; give two batches [n >= 2, d] alike"
        )
    correlation = _standardised(za).T @ _standardised(zb) / len(za)
    on = (1 - correlation.diagonal()).square().sum()
    off = (correlation - torch.diag(correlation.diagonal())).square().sum()
    return Loss(on + redundancy * off, {"on_diagonal": on.detach(), "off_diagonal": off.detach()})


def _standardised(z: Tensor) -> Tensor:
    return (z - z.mean(0)) / (z.var(0, correction=0) + EPS).sqrt()
