"""The batch SOM against MiniSom, where it is installed."""

import pytest
import torch

from smcrep.fusion.manifold.som import batch_som, square_grid
from tests.fusion.manifold.planted import generator


def test_equals_minisom_over_several_passes() -> None:
    """One pass of ours for each of MiniSom's, at a rate of 1, from the same units; its radius after i of T passes is
    sigma / (1 + i / (T / 2)), its default."""
    minisom = pytest.importorskip("minisom")
    x = torch.randn(200, 5, generator=generator(), dtype=torch.float64)
    peer = minisom.MiniSom(
        3, 3, 5, sigma=1.5, learning_rate=1, random_seed=0, decay_function=lambda rate, t, last: rate
    )
    start = torch.from_numpy(peer.get_weights().copy()).reshape(-1, 5)
    passes = 4
    peer.train_batch_offline(x.numpy(), passes)
    radii = [1.5 / (1 + i / (passes / 2)) for i in range(passes)]
    found = batch_som(x, start, square_grid(9, 2).double(), radii)
    torch.testing.assert_close(found, torch.from_numpy(peer.get_weights()).reshape(-1, 5), rtol=1e-6, atol=1e-6)
