"""A map that follows an encoder while it learns."""

import torch
from torch import Tensor, nn

from smcrep.fusion.manifold.map import ManifoldMap, won
from smcrep.fusion.manifold.measure import measured
from smcrep.fusion.manifold.som import grid_edges, neighbourhood_means, on_principal_axes, square_grid
from smcrep.fusion.manifold.whitening import Whitening, fit_whitening, observations


class OnlineMap(nn.Module):
    """Self-organising map of running means: what each unit won, forgotten by ``decay`` a batch.

    The first batch lays out the grid. No gradient reaches the encoder. Observations that are absent are left out by
    the caller. Every number that it keeps is a buffer, so it is saved, loaded and moved with a model.
    """

    def __init__(
        self,
        dim: int,
        *,
        num_units: int = 64,
        dims: int = 2,
        decay: float = 0.95,
        radius: float = 1.0,
        blocks: tuple[int, ...] = (),
    ) -> None:
        """dim: numbers of an observation. radius: of the neighbourhood, in spacings of the grid. blocks: sizes of the
        senses (`fit_whitening`)."""
        super().__init__()
        if not 0 < decay < 1 or radius <= 0:
            raise ValueError(f"OnlineMap: decay {decay}, radius {radius}; give 0 < decay < 1 and radius > 0")
        self.dims, self.decay, self.radius, self.blocks = dims, decay, radius, blocks
        grid = square_grid(num_units, dims)
        for name, value in {
            "grid": grid,
            "units": torch.zeros(len(grid), dim),  # whitened: they move and grow with all observations
            "sums": torch.zeros(len(grid), dim),
            "counts": torch.zeros(len(grid)),
            "mean": torch.zeros(dim),
            "square": torch.zeros(dim),  # of the scale
            "batches": torch.zeros((), dtype=torch.int64),
        }.items():
            self.register_buffer(name, value)

    grid: Tensor
    units: Tensor
    sums: Tensor
    counts: Tensor
    mean: Tensor
    square: Tensor
    batches: Tensor

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """One batch x [b, d] more."""
        x = observations(x, dims=self.dims, num_units=len(self.grid) if self.batches == 0 else self.dims + 2)
        now = fit_whitening(x, self.blocks)
        decay = self.decay if self.batches else 0.0
        self.mean.mul_(decay).add_((1 - decay) * now.mean)
        self.square.mul_(decay).add_((1 - decay) * now.scale.square())
        mean, scale = self.whitening
        white = (x - mean) / scale
        if self.batches == 0:
            self.units.copy_(on_principal_axes(white, self.grid))
        sums, counts = won(white, self.units)
        self.sums.mul_(decay).add_((1 - decay) * sums)
        self.counts.mul_(decay).add_((1 - decay) * counts)
        self.units.copy_(neighbourhood_means(self.sums, self.counts, self.units, self.grid, self.radius))
        self.batches += 1

    @property
    def whitening(self) -> Whitening:
        return Whitening(self.mean.clone(), self.square.sqrt())

    @torch.no_grad()
    def map(self, x: Tensor) -> ManifoldMap:
        """The map as it stands, with the noise that recent observations x [b, d] show."""
        if self.batches == 0:
            raise ValueError("OnlineMap: no batch has been seen; call update first")
        x = observations(x, dims=self.dims, num_units=len(self.grid))
        return measured(
            x, self.units.clone(), grid_edges(self.grid), dims=self.dims, blocks=self.blocks, whitening=self.whitening
        )
