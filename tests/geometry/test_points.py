"""Chamfer distance is the paper's sum in loops, with means."""

import pytest
import torch

from smcrep.geometry.points import chamfer


def test_it_is_the_sum_in_loops() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(7, 3, generator=generator), torch.randn(5, 3, generator=generator)
    there = [min(float((p - q).norm()) for q in b) for p in a]
    back = [min(float((p - q).norm()) for p in a) for q in b]
    assert chamfer(a, b).item() == pytest.approx(sum(there) / 7 + sum(back) / 5, rel=1e-5)
    nearest = sum(sorted(there)[:3]) / 3 + sum(sorted(back)[:2]) / 2  # 0.4 of 7 and of 5
    assert chamfer(a, b, share=0.4).item() == pytest.approx(nearest, rel=1e-5)


def test_trimmed_it_does_not_see_what_only_one_of_them_has() -> None:
    generator = torch.Generator().manual_seed(2)
    common, own = torch.randn(20, 3, generator=generator), torch.randn(10, 3, generator=generator) + 9
    assert chamfer(torch.cat([common, own]), common, share=0.6) < 1e-6
    assert chamfer(torch.cat([common, own]), common) > 1


def test_it_is_zero_for_the_same_points_in_any_order_and_symmetric() -> None:
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, 4, 9, 3, generator=generator)
    assert chamfer(a, a.flip(1)).abs().max() < 1e-10
    torch.testing.assert_close(chamfer(a, b), chamfer(b, a))
    assert chamfer(a[:, None], b[None]).shape == (4, 4)
