"""Point transformer: attention for each channel against the paper's formula in loops."""

import torch

from smcrep.encoders.dgcnn import nearest_neighbours
from smcrep.encoders.point_transformer import VectorAttention


def test_vector_attention_is_that_of_the_paper() -> None:
    torch.manual_seed(0)
    dim, n = 6, 10
    layer, points, x = VectorAttention(dim), torch.randn(1, n, 3), torch.randn(1, n, dim)
    neighbours = nearest_neighbours(points, 4)
    out = layer(points, x, neighbours)
    h = torch.nn.functional.layer_norm(x[0], (dim,), layer.norm.weight, layer.norm.bias)
    for i in range(n):
        scores, values = [], []
        for j in neighbours[0, i]:
            place = layer.place(points[0, i] - points[0, j])
            scores.append(layer.weight(layer.query.weight @ h[i] - layer.key.weight @ h[j] + place))
            values.append(layer.value.weight @ h[j] + place)
        e = torch.stack(scores).exp()
        expected = x[0, i] + (e / e.sum(0) * torch.stack(values)).sum(0)
        torch.testing.assert_close(out[0, i], expected, atol=1e-5, rtol=1e-5)


def test_a_neighbour_that_is_there_again_counts_once() -> None:
    torch.manual_seed(0)
    layer, points, x = VectorAttention(6), torch.randn(1, 5, 3), torch.randn(1, 5, 6)
    once = nearest_neighbours(points, 5)
    again = torch.cat([once, once[..., :1].expand(-1, -1, 11)], -1)
    torch.testing.assert_close(layer(points, x, again), layer(points, x, once), atol=1e-6, rtol=1e-6)
