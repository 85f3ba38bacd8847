"""Slope and scatter of surfaces that are known."""

import pytest
import torch

from smcrep.fusion.manifold.local import local_shape
from tests.fusion.manifold.planted import generator


def test_slope_of_a_parabola_is_exact_at_its_end_too() -> None:
    g = torch.tensor([[0.0], [0.1], [0.25], [0.5], [0.6]])
    units = torch.cat([g, g.square(), 0 * g], 1)
    near = torch.ones(5, 5, dtype=torch.bool).fill_diagonal_(False)
    slope, scatter = local_shape(units, g, near)
    expected = torch.cat([torch.ones_like(g), 2 * g, 0 * g], 1)
    torch.testing.assert_close(slope[..., 0], expected / expected.norm(dim=1, keepdim=True), rtol=1e-4, atol=1e-5)
    assert float(scatter.max()) < 1e-9


def test_columns_are_orthonormal_in_the_plane_though_positions_are_distorted() -> None:
    g = torch.cartesian_prod(torch.arange(4.0), torch.arange(4.0))
    turn = torch.linalg.qr(torch.randn(6, 6, generator=generator())).Q[:2]
    near = torch.ones(16, 16, dtype=torch.bool).fill_diagonal_(False)
    slope, _ = local_shape(g @ turn, g * torch.tensor([0.8, 1.3]), near)
    torch.testing.assert_close(slope.mT @ slope, torch.eye(2).expand(16, 2, 2), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(slope @ slope.mT, (turn.T @ turn).expand(16, 6, 6), rtol=1e-4, atol=1e-4)
    assert (slope[0].mT @ turn.T).diagonal().tolist() == pytest.approx([1, 1], abs=1e-4)  # the signs of the positions


def test_scatter_is_the_variance_of_units_about_a_smooth_line() -> None:
    g = torch.linspace(0, 1, 400)[:, None]
    noise = torch.tensor([0.0, 0.1, 0.3])
    units = torch.cat([g, 0 * g, 0 * g], 1) + noise * torch.randn(400, 3, generator=generator())
    near = torch.ones(400, 400, dtype=torch.bool).fill_diagonal_(False)
    _, scatter = local_shape(units, g, near)
    # Unit 200 lies amid the line, where its slope is well known
    assert scatter[200].sqrt().tolist() == pytest.approx([0, 0.1, 0.3], rel=0.12, abs=0.03)


def test_too_few_units_around_show_no_scatter() -> None:
    g = torch.tensor([[0.0], [1], [2]])
    units = torch.cat([g, torch.tensor([[0.0], [1], [0]])], 1)
    _, scatter = local_shape(units, g, ~torch.eye(3, dtype=torch.bool))
    assert torch.equal(scatter, torch.zeros(3, 2))
