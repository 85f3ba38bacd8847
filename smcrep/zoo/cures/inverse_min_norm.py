"""Inverse-dynamics head whose gradient, where it conflicts with the task's, is joined to it by the least norm."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.objectives.gradient_conflict import min_norm_share
from smcrep.zoo.cures.two_losses import WeighedInverse


@dataclass(frozen=True)
class InverseMinNorm(WeighedInverse):
    """MMPareto (arXiv:2405.17730, section 3.3, and its code) in the weights that both losses enter."""

    def shares(self, products: Tensor) -> Tensor:
        return pareto_shares(products)


def pareto_shares(products: Tensor) -> Tensor:
    """[m, 2]: weights of two gradients whose scalar products are ``products`` [m, 2, 2]. Those of their sum where they
    do not conflict; otherwise twice the shares of the shortest vector between them, stretched to the length of the sum
    where that is longer.

    The authors treat each encoder for itself and multiply all by 1.5, which is nothing to Adam.
    """
    a = min_norm_share(products)
    shares = 2 * torch.stack([a, 1 - a], -1)
    length = torch.einsum("mi,mij,mj->m", shares, products, shares).clamp_min(0).sqrt()
    stretch = (products.sum((-2, -1)).clamp_min(0).sqrt() / length.clamp_min(1e-12)).clamp_min(1)
    conflict = products[:, 0, 1] < 0
    return torch.where(conflict[:, None], stretch[:, None] * shares, torch.ones_like(shares))
