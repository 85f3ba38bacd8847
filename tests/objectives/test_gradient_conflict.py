"""The shortest vector between two gradients, against a search and in closed cases."""

import pytest
import torch

from smcrep.objectives.gradient_conflict import min_norm_share


def products(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    both = torch.stack([first, second], -2)
    return both @ both.mT


def test_no_other_share_gives_a_shorter_vector() -> None:
    drawn = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 40, 3, generator=drawn, dtype=torch.float64)
    second *= 10 ** torch.linspace(-2, 2, 40, dtype=torch.float64)[:, None]
    found = min_norm_share(products(first, second))
    tried = torch.linspace(0, 1, 20001, dtype=torch.float64)[:, None, None]
    best = (tried * first + (1 - tried) * second).norm(dim=-1).argmin(0).double() / 20000
    assert torch.allclose(found, best, atol=1e-4)
    assert 0 < int((found == 0).sum()) + int((found == 1).sum()) < 40  # some lie inside, some at an end


def test_shares_of_known_pairs() -> None:
    east = torch.tensor([1.0, 0.0])
    assert min_norm_share(products(east, -3 * east)) == pytest.approx(0.75)  # they cancel
    assert min_norm_share(products(east, torch.tensor([0.0, 2.0]))) == pytest.approx(0.8)  # 4 / (1 + 4)
    assert min_norm_share(products(east, 3 * east)) == 1  # the shorter one
    assert min_norm_share(products(east, east)) == 0.5
    assert min_norm_share(products(0 * east, 0 * east)) == 0.5
