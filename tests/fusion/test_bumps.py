"""Bumps on a line of units, by eye."""

import torch

from smcrep.fusion.bumps import bump_labels, largest_bump

UNIT = torch.arange(10.0)
DISTANCES = (UNIT[:, None] - UNIT).abs()


def active(*units: int) -> torch.Tensor:
    return torch.isin(torch.arange(10), torch.tensor(units, dtype=torch.int64))


def test_units_within_reach_are_one_bump() -> None:
    given = torch.stack([active(1, 2, 3, 7, 8), active(0, 2, 4, 6, 8), active()])
    one = bump_labels(given, DISTANCES, 1.0)
    assert one[0].tolist() == [10, 1, 1, 1, 10, 10, 10, 7, 7, 10]
    assert largest_bump(one, given.float())[0].tolist() == [2, 5, 0]
    two = bump_labels(given, DISTANCES, 2.0)
    assert largest_bump(two, given.float())[0].tolist() == [2, 1, 0]


def test_the_largest_is_by_mass_not_by_number_of_units() -> None:
    given = active(1, 2, 3, 7, 8)[None]
    mass = given * torch.tensor([1.0, 1, 1, 1, 1, 1, 1, 2, 2, 1])
    _, inside = largest_bump(bump_labels(given, DISTANCES, 1.0), mass)
    assert torch.nonzero(inside[0])[:, 0].tolist() == [7, 8]
    assert not largest_bump(bump_labels(active()[None], DISTANCES, 1.0), mass)[1].any()
