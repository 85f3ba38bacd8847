"""Losses of plain pictures and their augmentations, against their parts."""

import torch

from smcrep.objectives import CombinedWeights, NTXent, nt_xent
from smcrep.objectives.equivariance import NoEquivariance
from smcrep.training.plain_pictures import BACKBONES, Network, loss


def test_without_an_equivariance_it_is_the_contrast_of_the_two_views() -> None:
    torch.manual_seed(0)
    weights = CombinedWeights(NTXent(0.2), NoEquivariance())
    network = Network(weights, next(iter(BACKBONES))).eval()
    views = torch.randint(0, 256, (5, 2, 32, 32, 3), dtype=torch.uint8)
    found = loss(network, None, views, torch.zeros(5, 2, 1), weights)
    first, second = (network.projector(network.features(views[:, i])) for i in range(2))
    torch.testing.assert_close(found, nt_xent(first, second, 0.2).total, atol=1e-4, rtol=1e-4)
