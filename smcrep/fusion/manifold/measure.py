"""From units and edges to a whole map: positions, slopes, and the noise around each unit."""

import torch
from torch import Tensor

from smcrep.fusion.manifold.graph import coordinates, geodesics, within_reach
from smcrep.fusion.manifold.local import local_shape
from smcrep.fusion.manifold.map import ManifoldMap, adjacency, rows, squared_distances
from smcrep.fusion.manifold.noise import noise_variance, tangent_basis
from smcrep.fusion.manifold.tangent import position_estimate
from smcrep.fusion.manifold.whitening import Whitening

PRIOR = 1.0  # observations of the mean over all units that are added to those of each


def measured(
    x: Tensor, units: Tensor, edges: Tensor, *, dims: int, blocks: tuple[int, ...], whitening: Whitening
) -> ManifoldMap:
    """Map of whitened ``units`` [n, d] and ``edges`` [e, 2] with what observations x [b, d] say of noise.

    Noise is what lies outside the tangent space: within the cell of a unit, about the mean there and pooled with the
    cells of its neighbours, and between units (where they lie denser than the noise is large, it moves them apart).
    """
    adjacent = adjacency(edges, len(units))
    path = geodesics(units * whitening.scale, adjacent)
    positions = coordinates(path, dims)
    slope, scatter = local_shape(units * whitening.scale, positions, within_reach(path, adjacent))
    slope, scatter = slope / whitening.scale[:, None], scatter / whitening.scale.square()
    cells = residuals(x, units, whitening)
    counts = units.new_tensor([len(cell) for cell in cells])
    basis = tangent_basis(slope)
    outside = [cell - cell @ q @ q.T for cell, q in zip(cells, basis, strict=True)]
    squares = torch.stack([(r - r.sum(0) / max(len(r), 1)).square().sum(0) for r in outside])
    within = _pooled(squares, (counts - 1).clamp_min(0), adjacent)
    variance = noise_variance(within + scatter, basis, blocks or (x.shape[1],))
    estimate = position_estimate(slope, variance)
    lengths = torch.stack([(cell @ e.T).square().mean(1).sum() for cell, e in zip(cells, estimate, strict=True)])
    extent = _pooled(lengths[:, None], counts, adjacent)[:, 0].clamp_min(torch.finfo(x.dtype).tiny)
    return ManifoldMap(*whitening, units, edges, positions, counts, slope, variance, extent)


def residuals(x: Tensor, units: Tensor, whitening: Whitening) -> list[Tensor]:
    """Of each of n units: whitened observations less the unit, [counts, d] of those of x [b, d] that it won."""
    white = (x - whitening.mean) / whitening.scale
    nearest = torch.cat([squared_distances(part, units).argmin(1) for part in rows(white)])
    counts = torch.bincount(nearest, minlength=len(units)).tolist()
    cells = white[nearest.argsort()].split(counts)
    return [cell - unit for cell, unit in zip(cells, units, strict=True)]


def _pooled(sums: Tensor, counts: Tensor, adjacent: Tensor) -> Tensor:
    """Means [n, c] of ``sums`` [n, c] over ``counts`` [n], each unit with its neighbours."""
    overall = sums.sum(0) / counts.sum()
    near = adjacent + torch.eye(len(adjacent), device=adjacent.device)
    return (near @ sums + PRIOR * overall) / (near @ counts + PRIOR)[:, None]
