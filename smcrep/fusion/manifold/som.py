"""Self-organising map by batches: every pass over the data moves all units at once."""

from collections.abc import Iterable

import torch
from torch import Tensor

from smcrep.fusion.manifold.map import ManifoldMap, won
from smcrep.fusion.manifold.measure import measured
from smcrep.fusion.manifold.whitening import Whitening, fit_whitening, observations

START_ROWS = 4096  # observations whose principal axes the grid is laid along
LAST_RADIUS = 1.0  # spacings of the grid


def fit_som(
    x: Tensor,
    *,
    num_units: int = 64,
    dims: int = 2,
    num_passes: int = 20,
    blocks: tuple[int, ...] = (),
    whitening: Whitening | None = None,
    generator: torch.Generator,
) -> ManifoldMap:
    """Map of observations x [b, d] on a grid of ``dims`` dimensions, in the plane of the largest principal axes first.

    num_units   of a cube with equal sides: the nearest whole number of units to a side is taken.
    num_passes  over x. The radius of the neighbourhood falls geometrically from half a side to LAST_RADIUS.
    blocks      sizes of the senses that x is made of (`fit_whitening`).
    whitening   given where several maps are to be compared; otherwise fitted on x.
    generator   draws which observations the principal axes are computed of.
    """
    x = observations(x, dims=dims, num_units=num_units)
    whitening = whitening or fit_whitening(x, blocks)
    white = (x - whitening.mean) / whitening.scale
    grid = square_grid(num_units, dims).to(x.device)
    some = white[torch.randperm(len(x), generator=generator)[:START_ROWS].to(x.device)]
    units = batch_som(white, on_principal_axes(some, grid), grid, radii(grid, num_passes))
    return measured(x, units, grid_edges(grid), dims=dims, blocks=blocks, whitening=whitening)


def batch_som(x: Tensor, units: Tensor, grid: Tensor, radii: Iterable[float]) -> Tensor:
    """Units [n, d] after one pass over x [b, d] for each radius (Kohonen 2013, Neural Networks 37:52, eq. 8):

        w_k = sum_i h(k, c(i)) x_i / sum_i h(k, c(i)),    h(k, c) = exp(-||g_k - g_c||^2 / (2 r^2))

    with c(i) the unit nearest to x_i, and g = ``grid`` [n, q]. A unit that nothing reaches stays.
    """
    for radius in radii:
        units = neighbourhood_means(*won(x, units), units, grid, radius)
    return units


def neighbourhood_means(sums: Tensor, counts: Tensor, units: Tensor, grid: Tensor, radius: float) -> Tensor:
    """The formula of `batch_som`, of the sum [n, d] and number [n] of what each unit won."""
    kernel = torch.exp(-torch.cdist(grid, grid).square() / (2 * radius**2))
    weight = (kernel @ counts)[:, None]
    return torch.where(weight > 0, kernel @ sums / weight, units)


def square_grid(num_units: int, dims: int) -> Tensor:
    """Whole coordinates [n, dims] of a cube of equal sides, about ``num_units`` points."""
    side = torch.arange(max(2, round(num_units ** (1 / dims))), dtype=torch.float32)
    return torch.cartesian_prod(*[side] * dims).reshape(-1, dims)


def grid_edges(grid: Tensor) -> Tensor:
    """int64 [e, 2]: pairs of points no further apart than 1 along any axis, diagonals too."""
    near = torch.cdist(grid, grid, p=torch.inf) < 1.5
    return near.triu(1).nonzero()


def radii(grid: Tensor, num_passes: int) -> list[float]:
    """From half a side of the grid to LAST_RADIUS, geometrically."""
    start = max((float(grid.max()) + 1) / 2, LAST_RADIUS)
    return [start * (LAST_RADIUS / start) ** (i / max(1, num_passes - 1)) for i in range(num_passes)]


def on_principal_axes(x: Tensor, grid: Tensor) -> Tensor:
    """Points [n, d] of the grid in the plane of the largest principal axes of x [b, d], two deviations to each side."""
    _, value, axes = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    deviation = value[: grid.shape[1]] / len(x) ** 0.5
    centred = grid / grid.max() - 0.5
    return x.mean(0) + 4 * centred * deviation @ axes[: grid.shape[1]]
