"""Covariances between and within things, shrunk, and what is made of them."""

import torch
from torch import Tensor


def scatter(x: Tensor, index: Tensor, shrinkage: float) -> Tensor:
    """[d, d]: covariance of x [n, d] within things, pooled over them (n - number of things degrees of freedom), shrunk.
    ``index`` int64 [n], which thing each row is of: 0, 1, ..."""
    num_things = int(index.max()) + 1
    looks = torch.bincount(index, minlength=num_things).to(x)
    means = x.new_zeros(num_things, x.shape[1]).index_add_(0, index, x) / looks[:, None]
    deviations = x - means[index]
    return shrunk(deviations.mT @ deviations / (len(x) - num_things), shrinkage)


def shrunk(covariance: Tensor, shrinkage: float) -> Tensor:
    """(1 - s) C + s mean(diag C) 1: positive definite, and a hundred things do not tell a hundred variances."""
    mean = covariance.diagonal().mean().clamp(min=1e-12)
    return (1 - shrinkage) * covariance + shrinkage * mean * torch.eye(len(covariance)).to(covariance)


def whitening(covariance: Tensor) -> Tensor:
    """The symmetric W [d, d] with W C W = 1."""
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=1e-12).rsqrt() @ vectors.mT


def principal(covariance: Tensor, number: int) -> Tensor:
    """[d, number]: orthonormal directions of the largest variance."""
    values, vectors = torch.linalg.eigh(covariance)
    return vectors[:, values.argsort(descending=True)[:number]]
