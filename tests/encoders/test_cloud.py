"""Cloud encoders: blind to the order of points; position reaches the equivariant features alone, through the mean."""

import pytest
import torch
from torch import Tensor

from smcrep.encoders import DGCNN, CloudEncoder, PointNet, PointNet2, PointTransformer
from smcrep.encoders.cloud import MOST_POINTS, prepared

BACKBONES = {"pointnet": PointNet, "pointnet2": PointNet2, "dgcnn": DGCNN, "point_transformer": PointTransformer}


def encoder_of(name: str, scale_m: float = 0.05) -> torch.nn.Module:
    torch.manual_seed(0)
    return CloudEncoder(BACKBONES[name](), 16, scale_m)


class Trunk(torch.nn.Module):
    """Invariant and equivariant features, side by side."""

    def __init__(self, encoder: torch.nn.Module) -> None:
        super().__init__()
        self.encoder, self.backbone = encoder, encoder.backbone

    def forward(self, points: Tensor) -> Tensor:
        return torch.cat(self.encoder(points), -1)


def build(name: str, scale_m: float = 0.05) -> torch.nn.Module:
    return Trunk(encoder_of(name, scale_m))


def cloud(b: int, n: int, seed: int = 0) -> Tensor:
    return 0.05 * torch.randn(b, n, 3, generator=torch.Generator().manual_seed(seed)) + torch.tensor([0.1, 0.0, 0.6])


def surface(b: int, n: int, seed: int = 0) -> Tensor:
    """Half an ellipsoid, as a camera sees one, with points that keep their distance."""
    i = torch.arange(n) + 0.5
    z, turn = -i / n, i * 2.39996
    flat = torch.stack([turn.cos() * (1 - z * z).sqrt(), turn.sin() * (1 - z * z).sqrt(), z], -1)
    axes = 0.02 + 0.04 * torch.rand(b, 1, 3, generator=torch.Generator().manual_seed(seed))
    return axes * flat + torch.tensor([0.0, 0.02, 0.4])


@pytest.mark.parametrize("name", BACKBONES)
class TestEncoder:
    @pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 100])  # DGCNN asks for 16 neighbours
    def test_any_number_of_points(self, name: str, n: int) -> None:
        points = cloud(2, n).requires_grad_()
        out = build(name)(points)
        out.square().sum().backward()
        assert out.shape == (2, 32)
        assert out.isfinite().all()
        assert points.grad is not None
        assert points.grad.isfinite().all()

    def test_order_of_points_changes_nothing(self, name: str) -> None:
        x = cloud(2, 60)
        order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(build(name)(x[:, order]), build(name)(x), atol=1e-5, rtol=0)

    def test_batch_equals_its_items_and_may_be_empty(self, name: str) -> None:
        encoder, x = build(name), cloud(5, 60)
        torch.testing.assert_close(encoder(x), torch.cat([encoder(item[None]) for item in x]), atol=1e-5, rtol=0)
        assert encoder(x[:0]).shape == (0, 32)

    def test_position_reaches_the_equivariant_features_only(self, name: str) -> None:
        encoder, x = build(name), cloud(2, 60)
        moved = x + torch.tensor([0.05, -0.02, 0.1])
        seen: list[Tensor] = []
        encoder.backbone.register_forward_hook(lambda _m, _i, out: seen.append(out))  # type: ignore[union-attr]
        a, b = encoder(x), encoder(moved)
        torch.testing.assert_close(seen[0], seen[1], atol=1e-4, rtol=0)
        torch.testing.assert_close(a[:, :16], b[:, :16], atol=1e-4, rtol=0)
        assert (a - b)[:, 16:].abs().max() > 1e-3

    def test_cloud_and_scale_in_another_unit_give_the_same(self, name: str) -> None:
        x = cloud(2, 60)
        torch.testing.assert_close(build(name, 0.05)(x), build(name, 50.0)(1000 * x), atol=1e-4, rtol=0)

    def test_copies_and_stray_points_change_nothing(self, name: str) -> None:
        x = surface(3, 200)
        padded = torch.cat([x, x[:, :1].expand(-1, 200, -1)], 1)  # the worst padding: copies of one point
        stray = torch.cat([x, x.new_tensor([[0.0, 0, 0], [0, 0, 0.7], [1, 1, 3]]).expand(3, -1, -1)], 1)
        expected = build(name)(x)
        for harmed in (padded, stray, torch.cat([x, x], 1)):
            torch.testing.assert_close(build(name)(harmed), expected, atol=1e-5, rtol=0)
        few = x[:, :7]  # fewer than an encoder asks for neighbours
        padded = torch.cat([few, few.repeat(1, 5, 1)], 1)
        torch.testing.assert_close(build(name)(padded), build(name)(few), atol=1e-5, rtol=0)

    def test_orientation_changes_the_features(self, name: str) -> None:
        """An alignment network, or centring and sorting by axis, would not."""
        x = cloud(1, 60) * torch.tensor([3.0, 1.0, 0.5])
        turned = x[..., [1, 0, 2]] * torch.tensor([-1.0, 1.0, 1.0])
        assert (build(name)(x) - build(name)(turned)).abs().max() > 1e-2


def test_pointnet_equals_a_loop_over_points() -> None:
    encoder = build("pointnet")
    net, x = encoder.backbone, cloud(1, 7)[0]
    rows = []
    for point in x:
        h = point
        for layer in (net.first, net.second, net.last):  # type: ignore[union-attr]
            h = torch.relu(layer.weight @ h + layer.bias)  # type: ignore[union-attr,operator]
        rows.append(h)
    torch.testing.assert_close(net(x[None])[0], torch.stack(rows).amax(0))  # type: ignore[operator]


def test_of_many_points_as_many_as_training_knows_are_looked_at_however_they_are_padded() -> None:
    x = surface(2, 1500)
    kept, centre = prepared(x)
    assert kept.shape == (2, MOST_POINTS, 3)
    torch.testing.assert_close(centre, x.mean(1, keepdim=True), atol=0.01, rtol=0)
    copies = x[:, :1].expand(-1, 3000, -1)
    torch.testing.assert_close(prepared(torch.cat([copies[:, :1], x[:, 1:], copies], 1)), (kept, centre))
    few = x[:, :200]
    torch.testing.assert_close(
        prepared(torch.cat([few, few[:, :1].expand(-1, 4000, -1)], 1))[1], few.mean(1, keepdim=True)
    )


def test_centre_is_the_mean_of_the_surface_whatever_is_repeated_or_astray() -> None:
    x = surface(4, 250)
    harmed = torch.cat([x, x[:, :40].repeat(1, 3, 1), x.new_tensor([[0.0, 0, 2]]).expand(4, 13, -1)], 1)
    harmed[:, -13:] += 0.3 * torch.arange(13)[:, None]
    for points in (x, harmed):
        kept, centre = prepared(points)
        torch.testing.assert_close(centre, x.mean(1, keepdim=True), atol=1e-6, rtol=0)
        torch.testing.assert_close(kept.amax(1), x.amax(1))
