"""PointNet++: a set abstraction against its formula in loops."""

import pytest
import torch

from smcrep.encoders.pointnet2 import NUM_NEIGHBOURS, SetAbstraction, spread


@pytest.mark.parametrize("num_features", [0, 4])
def test_set_abstraction_is_that_of_the_paper(num_features: int) -> None:
    torch.manual_seed(0)
    radius = 0.7
    points = torch.randn(1, 40, 3, generator=torch.Generator().manual_seed(1))
    x = torch.randn(1, 40, num_features) if num_features else None
    layer, centres = SetAbstraction(num_features, 6, 5, radius), spread(points, 8)
    out, sizes = layer(points, x, centres), []
    for i, centre in enumerate(centres[0]):
        distance = (points[0] - centre).norm(dim=-1)
        ball = [j for j in distance.argsort()[:NUM_NEIGHBOURS] if distance[j] <= radius]
        sizes.append(len(ball))
        rows = []
        for j in ball:
            given = (points[0, j] - centre) / radius
            rows.append(layer.layers(given if x is None else torch.cat([x[0, j], given])))
        torch.testing.assert_close(out[0, i], torch.relu(torch.stack(rows).amax(0)), atol=1e-5, rtol=1e-5)
    assert min(sizes) < NUM_NEIGHBOURS, "some balls are emptier than their number of neighbours"
    assert max(sizes) > 1


def test_points_are_spread_over_the_cloud() -> None:
    """Two far corners hold one point each among 200 in a small heap: both are kept."""
    heap = 0.01 * torch.randn(1, 200, 3, generator=torch.Generator().manual_seed(0))
    corners = torch.tensor([[[5.0, 0, 0], [0, 5.0, 0]]])
    kept = spread(torch.cat([heap, corners], 1), 3)
    assert kept.shape == (1, 3, 3)
    assert {tuple(row) for row in kept[0].tolist()} > {(5.0, 0.0, 0.0), (0.0, 5.0, 0.0)}


def test_fewer_points_than_are_asked_for_are_all_kept() -> None:
    cloud = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    for few, whole in zip(spread(cloud, 64), cloud, strict=True):
        assert sorted(few.tolist()) == sorted(whole.tolist())
