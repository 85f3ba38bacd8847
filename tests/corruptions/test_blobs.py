"""Patches cover what they should, anywhere."""

import torch

from smcrep.corruptions.blobs import blobs, smallest
from tests.corruptions.samples import generator


def test_patches_cover_the_share_that_each_image_asks_for() -> None:
    share = torch.tensor([0.0, 0.1, 0.5, 1.0])
    assert blobs(torch.zeros(4, 20, 30), share, generator()).sum((1, 2)).tolist() == [0, 60, 300, 600]


def test_no_place_is_preferred() -> None:
    covered = blobs(torch.zeros(1500, 16, 16), torch.full((1500,), 0.3), generator()).double().mean(0)
    assert covered.min() > 0.2
    assert covered.max() < 0.4


def test_smallest_takes_so_many_of_each_row() -> None:
    value = torch.tensor([[3.0, 1, 2], [1, 2, 3], [1, 1, 5]])
    expected = [[False, True, True], [False, False, False], [True, True, False]]
    assert smallest(value, torch.tensor([2, 0, 1])).tolist() == expected
