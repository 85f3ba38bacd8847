"""Chamfer distance is the paper's sum in loops, with means."""

import pytest
import torch

from smcrep.geometry.points import chamfer


def test_it_is_the_sum_in_loops() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(7, 3, generator=generator), torch.randn(5, 3, generator=generator)
    there = sum(min(float(((p - q) ** 2).sum()) for q in b) for p in a) / len(a)
    back = sum(min(float(((p - q) ** 2).sum()) for p in a) for q in b) / len(b)
    assert chamfer(a, b).item() == pytest.approx(there + back, rel=1e-5)


def test_it_is_zero_for_the_same_points_in_any_order_and_symmetric() -> None:
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, 4, 9, 3, generator=generator)
    assert chamfer(a, a.flip(1)).abs().max() < 1e-10
    torch.testing.assert_close(chamfer(a, b), chamfer(b, a))
    assert chamfer(a[:, None], b[None]).shape == (4, 4)
