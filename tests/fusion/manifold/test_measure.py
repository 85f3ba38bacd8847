"""The noise of a map whose units are moved apart by it."""

import pytest
import torch

from smcrep.fusion.manifold import Whitening
from smcrep.fusion.manifold.map import won
from smcrep.fusion.manifold.measure import measured
from tests.fusion.manifold.planted import generator


def test_noise_between_units_counts_where_they_lie_denser_than_it_is_large() -> None:
    """Centres of 120 cells along 10 of length, with noise of 1: the cells divide the noise too."""
    g = generator()
    x = torch.randn(20_000, 4, generator=g)
    x[:, 0] = 10 * torch.rand(20_000, generator=g)
    units = x[:120]
    for _ in range(10):
        sums, counts = won(x, units)
        units = sums / counts[:, None]
    units = units[units[:, 0].argsort()]
    line = torch.arange(120)
    pairs = torch.combinations(line)
    edges = pairs[(pairs[:, 1] - pairs[:, 0]) <= 8]
    whitening = Whitening(torch.zeros(4), torch.ones(4))
    found = measured(x, units, edges, dims=1, blocks=(), whitening=whitening)
    amid = found.variance[30:90, 1:].mean()
    within = (x - units[found.winners(x)[:, 0]]).square().mean(0)[1:].mean()
    assert float(within) < 0.6
    # Positions along such a graph are noisy themselves, which adds a little; cells alone give .2
    assert float(amid) == pytest.approx(1, rel=0.25)
