"""Inverse-dynamics head whose gradient and the task's are each turned until neither loss rises, and then summed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.zoo.cures.two_losses import WeighedInverse


@dataclass(frozen=True)
class InverseUPGrad(WeighedInverse):
    """UPGrad (arXiv:2406.16232), by its authors' TorchJD, in the weights that both losses enter."""

    def shares(self, products: Tensor) -> Tensor:
        return upgrad_shares(products)


def upgrad_shares(products: Tensor) -> Tensor:
    """[m, 2]: weights of two gradients whose scalar products are ``products`` [m, 2, 2]; those of their sum where they
    do not conflict. Needs the extra ``audit``."""
    from torchjd.aggregation import UPGradWeighting

    weigh = UPGradWeighting()
    size = products.diagonal(dim1=-2, dim2=-1).sum(-1).clamp_min(1e-30)
    scaled = products / size[:, None, None]  # its solver fails on large numbers
    return torch.stack([2 * weigh(each) for each in scaled])
