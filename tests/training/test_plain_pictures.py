"""Losses of plain pictures and their augmentations, against their parts."""

import pytest
import torch
from torch import nn

from smcrep.data.augment import AUGMENTATION_DIM, AUGMENTATION_NAMES
from smcrep.objectives import CombinedWeights, NTXent, nt_xent
from smcrep.objectives.equivariance import NoEquivariance
from smcrep.training.plain_pictures import BACKBONES, Network, augmented, loss, scale, train


def test_without_an_equivariance_it_is_the_contrast_of_the_two_views() -> None:
    torch.manual_seed(0)
    weights = CombinedWeights(NTXent(0.2), NoEquivariance())
    network = Network(weights, next(iter(BACKBONES))).eval()
    views = torch.randint(0, 256, (5, 2, 32, 32, 3), dtype=torch.uint8)
    found = loss(network, None, views, torch.zeros(5, 2, 1), weights)
    first, second = (network.projector(network.features(views[:, i])) for i in range(2))
    torch.testing.assert_close(found, nt_xent(first, second, 0.2).total, atol=1e-4, rtol=1e-4)


def test_views_are_of_their_own_picture_and_their_actions_are_scaled() -> None:
    """Black stays black whatever is done to it. Over many draws each number has mean 0 and deviation 1, but that of the
    blur, which these augmentations never have."""
    num = 3000
    pictures = torch.zeros(num, 8, 8, 3, dtype=torch.uint8)
    pictures[num // 2 :] = 200
    views, action = augmented(pictures, 2, torch.Generator().manual_seed(1), scale(8))
    assert views.shape == (num, 2, 8, 8, 3)
    assert not views[: num // 2].any()
    assert views[num // 2 :].flatten(2).any(-1).all()
    assert action.shape == (num, 2, AUGMENTATION_DIM)
    blur = AUGMENTATION_NAMES.index("blur")
    assert not action[..., blur].any()
    others = action[..., [i for i in range(AUGMENTATION_DIM) if i != blur]].flatten(0, 1)
    torch.testing.assert_close(others.mean(0), torch.zeros(AUGMENTATION_DIM - 1), atol=0.06, rtol=0)
    torch.testing.assert_close(others.std(0), torch.ones(AUGMENTATION_DIM - 1), atol=0.06, rtol=0)


def test_a_step_takes_a_ten_thousandth_of_every_weight() -> None:
    """Adam's first step is as long as the learning rate, here 1, up or down; what is left over is the decay."""
    pictures = torch.randint(0, 256, (16, 8, 8, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    before, after = (
        train(pictures, CombinedWeights(NTXent(), NoEquivariance()), seed=0, steps=1, batch=16, lr=lr).projector[-1]
        for lr in (0.0, 1.0)
    )
    assert isinstance(before, nn.Linear)
    assert isinstance(after, nn.Linear)
    moved = (after.weight - before.weight).detach().double()
    assert (moved.abs() > 0.9).float().mean() > 0.99
    rest, weight = moved - moved.sign(), before.weight.detach().double()
    assert float(-(rest * weight).sum() / weight.square().sum()) == pytest.approx(1e-4, rel=0.2)
