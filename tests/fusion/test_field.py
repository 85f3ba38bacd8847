"""The neural field: the product of Gaussians where cues agree, one cue where not, and cells that have volumes."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from smcrep.fusion import precision_weighted
from smcrep.fusion.field import FieldConstants, FieldPercept, field_fuse, gaussian_drives, kernel
from smcrep.fusion.graph import geodesic_distances, knn_volumes, voronoi_volumes
from smcrep.transition import Beliefs

NUM_UNITS = 120
ANGLE = (torch.arange(NUM_UNITS, dtype=torch.float64) / NUM_UNITS * 2 - 1) * math.pi
POSITIONS = torch.stack([ANGLE.cos(), ANGLE.sin()], -1)


def away(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (torch.remainder(a - b + math.pi, 2 * math.pi) - math.pi).abs()


def on_a_ring(cues: torch.Tensor, precision: torch.Tensor, **changes: object) -> FieldPercept:
    """Cues [b, m] radians."""
    drives = gaussian_drives(away(cues[..., None], ANGLE), precision.log().expand_as(cues))
    constants = replace(FieldConstants(), **changes)  # type: ignore[arg-type]
    return field_fuse(POSITIONS, away(ANGLE[:, None], ANGLE), drives, constants=constants)


def angle(percept: FieldPercept) -> torch.Tensor:
    return torch.atan2(percept.position[:, 1], percept.position[:, 0])


@pytest.mark.parametrize("precision", [(1.0, 1.0), (4.0, 1.0), (1.0, 9.0), (5.0, 2.0, 1.0)])
def test_cues_that_agree_give_the_product_of_gaussians(precision: tuple[float, ...]) -> None:
    """Within .01 rad, of cues up to .3 rad apart; the plain mean is further off than that."""
    given = torch.tensor(precision, dtype=torch.float64)
    spread = torch.linspace(-0.15, 0.15, len(precision), dtype=torch.float64)
    cues = torch.linspace(-2, 2, 7, dtype=torch.float64)[:, None] + spread
    percept = on_a_ring(cues, given)
    flat = Beliefs(cues[..., None], given.log()[:, None].expand(7, -1, 1), torch.ones_like(cues).bool())
    product = precision_weighted(flat)[0][:, 0]
    assert (percept.num_peaks == 1).all()
    assert (angle(percept) - product).abs().max() < 0.01
    if len(precision) == 2 and precision[0] != precision[1]:
        assert (cues.mean(-1) - product).abs().min() > 0.08
    assert percept.change.max() < 1e-6


def test_cues_far_apart_give_the_more_precise_one_in_both_orders() -> None:
    cues = torch.tensor([[-1.0, 1.0], [1.0, -1.0]], dtype=torch.float64)
    percept = on_a_ring(cues, torch.tensor([3.0, 2.0], dtype=torch.float64))
    assert angle(percept).tolist() == pytest.approx([-1, 1], abs=0.03)
    assert percept.num_peaks.tolist() == [1, 1]


def test_equal_cues_far_apart_are_undecided_and_the_position_is_one_of_them() -> None:
    percept = on_a_ring(torch.tensor([[-1.0, 1.5]], dtype=torch.float64), torch.ones(2, dtype=torch.float64))
    assert percept.num_peaks.item() == 2
    assert min(abs(angle(percept).item() - x) for x in (-1.0, 1.5)) < 0.03


def test_no_cue_gives_no_bump() -> None:
    drives = torch.zeros(1, 2, NUM_UNITS, dtype=torch.float64, requires_grad=True)
    percept = field_fuse(POSITIONS, away(ANGLE[:, None], ANGLE), drives)
    assert percept.num_peaks.item() == 0
    assert percept.mass.item() == 0
    assert percept.position.tolist() == [[0, 0]]
    percept.position.sum().backward()
    assert drives.grad is not None
    assert (drives.grad == 0).all()


def test_a_result_depends_on_its_own_input_alone() -> None:
    """The state is reset: neither the other items of a batch nor earlier calls matter."""
    cues = torch.tensor([[-1.0, -0.8], [0.5, 2.8], [1.0, 1.1]], dtype=torch.float64)
    precision = torch.tensor([3.0, 2.0], dtype=torch.float64)
    together = on_a_ring(cues, precision)
    torch.testing.assert_close(on_a_ring(cues, precision).activity, together.activity, rtol=0, atol=0)
    alone = torch.cat([on_a_ring(row[None], precision).position for row in cues])
    torch.testing.assert_close(alone, together.position, rtol=0, atol=1e-9)


def test_gradient_of_the_place_is_what_finite_differences_find() -> None:
    cues = torch.tensor([[0.1, 0.3], [-1.2, 1.0]], dtype=torch.float64, requires_grad=True)
    precision = torch.tensor([3.0, 1.0], dtype=torch.float64)
    (gradient,) = torch.autograd.grad(angle(on_a_ring(cues, precision)).sum(), cues)
    for i in range(2):
        for j in range(2):
            step = torch.zeros(2, 2, dtype=torch.float64)
            step[i, j] = 1e-5
            low, high = (angle(on_a_ring(cues.detach() + s * step, precision))[i].item() for s in (-1, 1))
            assert gradient[i, j].item() == pytest.approx((high - low) / 2e-5, abs=1e-3)
    assert gradient[1, 1].abs() < 0.01  # the cue that was not selected


def test_a_cue_moves_the_place_by_its_share_of_precision() -> None:
    """On average over places between two units."""
    shift = torch.linspace(0, 2 * math.pi / NUM_UNITS, 17, dtype=torch.float64)[:-1, None]
    cues = (shift + torch.tensor([-0.1, 0.1])).requires_grad_()
    percept = on_a_ring(cues, torch.tensor([3.0, 1.0], dtype=torch.float64))
    (gradient,) = torch.autograd.grad(angle(percept).mean(), cues)
    assert gradient.sum(0).tolist() == pytest.approx([0.75, 0.25], abs=0.05)


def test_an_absent_cue_is_as_if_it_were_not_there() -> None:
    distances = away(torch.tensor([[[0.4], [2.0]]], dtype=torch.float64), ANGLE)
    poisoned = distances.clone()
    poisoned[:, 1] = torch.nan
    alone = gaussian_drives(distances[:, :1], torch.zeros(1, 1, dtype=torch.float64))
    both = gaussian_drives(poisoned, torch.tensor([[0.0, -torch.inf]], dtype=torch.float64))
    assert torch.equal(both.sum(1), alone.sum(1))
    assert (gaussian_drives(poisoned, torch.full((1, 2), -torch.inf, dtype=torch.float64)) == 0).all()


def uneven_line() -> tuple[torch.Tensor, torch.Tensor]:
    """400 units on 0 .. 1, dense near .1 (Beta(1.2, 3)), and their distances."""
    x = torch.as_tensor(np.random.default_rng(0).beta(1.2, 3, 400)).sort().values
    return x, (x[:, None] - x).abs()


@pytest.mark.parametrize("sparse_side", [0.7, 1.0])
def test_without_volumes_density_acts_as_gain_and_with_them_not(sparse_side: float) -> None:
    """Cues at .2 and .6 of height .7, or the one on the sparse side of 1. With volumes equal cues have equal bumps
    and the stronger one the larger bump; without, the cue on the sparse side loses although it is the stronger."""
    x, distances = uneven_line()
    even = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    true = voronoi_volumes((even[:, None] - x).abs(), total=1.0)
    cue = torch.tensor([[0.2], [0.6]], dtype=torch.float64)
    height = torch.tensor([[0.7], [sparse_side]], dtype=torch.float64)
    drives = (height * torch.exp(-((x - cue) ** 2) / (2 * 0.05**2)))[None]

    def masses(volumes: torch.Tensor) -> tuple[float, float]:
        percept = field_fuse(x[:, None], distances, drives, volumes=volumes, constants=FieldConstants(width=0.05))
        mass = percept.activity[0] * true
        return mass[x < 0.4].sum().item(), mass[x >= 0.4].sum().item()

    for volumes, tolerance in ((true, 0.1), (knn_volumes(distances, dim=1, k=8), 0.25)):
        dense, sparse = masses(volumes)
        if sparse_side == 0.7:
            assert sparse == pytest.approx(dense, rel=tolerance)
        else:
            assert sparse > 1.4 * dense
    dense, sparse = masses(torch.full_like(x, 1 / 400))
    assert dense > 10 * sparse


@pytest.mark.parametrize("dim", [1, 2])
def test_kernel_integrates_to_excitation_minus_inhibition(dim: int) -> None:
    """On a closed line and a closed plane of length 1, with its top excitation / (sqrt(2 pi) width)^dim above that."""
    line = torch.arange(20, dtype=torch.float64) / 20
    grid = torch.cartesian_prod(*[line] * dim).reshape(-1, dim)
    apart = (grid[:, None] - grid).abs()
    distances = torch.minimum(apart, 1 - apart).square().sum(-1).sqrt()
    volumes = torch.full((20**dim,), 20.0**-dim, dtype=torch.float64)
    w = kernel(distances, volumes, FieldConstants(dim=dim, width=0.08, excitation=1.5, inhibition=2.0))
    torch.testing.assert_close(w @ volumes, torch.full_like(volumes, -0.5), atol=1e-6, rtol=0)
    standard = distances[0, 1] / 0.08
    assert ((w[0, 1] + 2) / (w[0, 0] + 2)).item() == pytest.approx(math.exp(-(standard**2) / 2))


def test_a_plane_has_cells_of_two_dimensions() -> None:
    """Units drawn over a square, distances along edges to the 8 nearest; cues .1 apart at 3 : 1 give their mean."""
    x = torch.rand(500, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    nearest = torch.cdist(x, x).topk(9, largest=False).indices[:, 1:]
    edges = torch.stack([torch.arange(500).repeat_interleave(8), nearest.flatten()], -1)
    distances = geodesic_distances(x, edges)
    cues = torch.tensor([[0.4, 0.5], [0.5, 0.5]], dtype=torch.float64)
    log_precision = torch.tensor([[3.0, 1.0]], dtype=torch.float64).log()
    drives = gaussian_drives(torch.cdist(cues, x)[None], log_precision, width=0.15)
    constants = FieldConstants(dim=2, width=0.1)
    percept = field_fuse(x, distances, drives, constants=constants)
    assert percept.num_peaks.item() == 1
    assert percept.position[0].tolist() == pytest.approx([0.425, 0.5], abs=0.02)


def test_shapes_that_do_not_fit_get_one_line() -> None:
    with pytest.raises(ValueError, match=r"field_fuse: 120 positions, distances \[120, 120\] and drives \[1, 120\]"):
        field_fuse(POSITIONS, away(ANGLE[:, None], ANGLE), torch.zeros(1, NUM_UNITS))


def test_a_drive_by_hand() -> None:
    """Precisions 3 : 1; one width away from its place a drive has fallen to exp(-1/2)."""
    log_precision = torch.tensor([[3.0, 1.0]]).log()
    drives = gaussian_drives(torch.tensor([[[0.0, 0.4], [0.4, 0.8]]]), log_precision, width=0.4)
    assert drives[0, 0].tolist() == pytest.approx([0.75, 0.75 * math.exp(-0.5)])
    assert drives[0, 1].tolist() == pytest.approx([0.25 * math.exp(-0.5), 0.25 * math.exp(-2)])
