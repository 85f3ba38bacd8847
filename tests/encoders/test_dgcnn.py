"""Neighbours against cdist and topk; edge convolution against the paper's formula in loops."""

import pytest
import torch

from smcrep.encoders.dgcnn import EdgeConvolution, nearest_neighbours


@pytest.mark.parametrize("chunk_numbers", [1, 500, 1 << 24])
@pytest.mark.parametrize(("n", "k"), [(50, 8), (50, 50), (3, 8), (1, 8)])
def test_chunked_neighbours_equal_cdist_and_topk(n: int, k: int, chunk_numbers: int) -> None:
    x = torch.randn(3, n, 5, generator=torch.Generator().manual_seed(0))
    expected = torch.cdist(x.double(), x.double()).topk(min(k, n), largest=False).indices
    assert torch.equal(nearest_neighbours(x, k, chunk_numbers=chunk_numbers), expected)


def test_itself_is_nearest_even_far_from_the_origin() -> None:
    x = 1e-3 * torch.randn(1, 40, 3, generator=torch.Generator().manual_seed(0)) + 10
    assert torch.equal(nearest_neighbours(x, 4)[0, :, 0], torch.arange(40))


def test_no_clouds() -> None:
    assert nearest_neighbours(torch.zeros(0, 6, 3), 4).shape == (0, 6, 4)


def test_edge_convolution_is_that_of_the_paper() -> None:
    """max over j of W [x_j - x_i, x_i] + b, then LayerNorm and a leaky rectifier of slope 0.2."""
    torch.manual_seed(0)
    layer, x = EdgeConvolution(3, 5), torch.randn(1, 12, 3)
    neighbours = nearest_neighbours(x, 4)
    weight = torch.cat([layer.neighbour.weight, layer.own.weight], 1)
    out = layer(x, neighbours)
    for i in range(12):
        edges = [weight @ torch.cat([x[0, j] - x[0, i], x[0, i]]) + layer.own.bias for j in neighbours[0, i]]
        h = torch.stack(edges).amax(0)
        h = (h - h.mean()) / (h.var(correction=0) + 1e-5).sqrt()
        torch.testing.assert_close(out[0, i], torch.where(h > 0, h, 0.2 * h), atol=1e-5, rtol=1e-5)
