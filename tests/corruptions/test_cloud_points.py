"""Known effects on the points of a cloud."""

import pytest
import torch

from smcrep.corruptions.cloud_points import (
    flying_points,
    holes,
    in_front,
    jitter,
    outliers,
    points_left,
    radius,
    thinning,
)
from tests.corruptions.samples import clouds, generator, severities


def distinct(cloud: torch.Tensor) -> int:
    return len(cloud.unique(dim=0))


def changed(out: torch.Tensor, data: torch.Tensor) -> torch.Tensor:
    return (out != data).any(-1)


def test_the_radius_is_that_of_a_sphere_whatever_its_place_and_size() -> None:
    outward = torch.nn.functional.normalize(torch.randn(4, 200, 3, generator=generator()), dim=-1)
    sphere = 0.07 * torch.cat([outward, -outward], 1) + torch.tensor([0.1, 0.2, 0.9])
    torch.testing.assert_close(radius(sphere), torch.full((4, 1, 1), 0.07))


@pytest.mark.parametrize("severity", [0.25, 1.0])
def test_jitter_is_a_share_of_the_radius(severity: float) -> None:
    data = clouds(1, 100).expand(200, -1, -1) + torch.tensor([0, 0, 1.0])  # far enough for nothing to come behind
    own = (data[0] - data[0].mean(0)).norm(dim=1).max()
    change = jitter(data, severities(200, severity), generator()) - data
    for axis in range(3):
        assert change[..., axis].std().item() == pytest.approx(0.4 * severity * own.item(), rel=0.02)


@pytest.mark.parametrize(("severity", "left"), [(0.0, 256), (0.5, 64), (0.75, 32), (1.0, 16)])
def test_thinning_leaves_the_stated_number_of_distinct_points(severity: float, left: int) -> None:
    data = clouds(6, 256)
    out = thinning(data, severities(6, severity), generator())
    assert points_left(torch.tensor([severity]), 256).tolist() == [left]
    for thin, whole in zip(out, data, strict=True):
        assert distinct(thin) == left
        assert len(torch.cat([thin, whole]).unique(dim=0)) == 256  # no point that was not there
        assert thin.unique(dim=0, return_counts=True)[1].max() <= -(-256 // left)


def test_a_cloud_of_fewer_than_16_points_is_not_thinned() -> None:
    data = clouds(3, 10)
    assert torch.equal(thinning(data, severities(3, 1), generator()), data)


@pytest.mark.parametrize("severity", [0.25, 1.0])
def test_outliers_are_the_stated_share_and_fill_a_ball_of_three_radii(severity: float) -> None:
    data = clouds(50, 200) + torch.tensor([0, 0, 2.0])
    out = outliers(data, severities(50, severity), generator())
    astray = changed(out, data)
    assert astray.sum(1).tolist() == [round(0.2 * severity * 200)] * 50
    centre, own = data.mean(1, keepdim=True), (data - data.mean(1, keepdim=True)).norm(dim=-1).amax(1)
    away = ((out - centre).norm(dim=-1) / own[:, None])[astray]
    assert away.max() < 3
    assert (away < 1.5).double().mean().item() == pytest.approx(1 / 8, abs=0.04)  # evenly in the volume


def test_flying_points_are_the_stated_share_on_their_rays_and_5_to_30_cm_behind() -> None:
    data = clouds(20, 100)
    out = flying_points(data, severities(20, 0.5), generator())
    astray = changed(out, data)
    assert astray.sum(1).tolist() == [10] * 20
    behind = (out[..., 2] - data[..., 2])[astray]
    assert 0.05 <= behind.min() < 0.08
    assert 0.27 < behind.max() <= 0.3001
    torch.testing.assert_close(out / out[..., 2:], data / data[..., 2:])


def test_holes_take_the_stated_share_from_one_end() -> None:
    data = clouds(30, 200)
    out = holes(data, severities(30, 0.5), generator())
    for left, whole in zip(out, data, strict=True):
        assert distinct(left) == 200 - round(0.75 * 0.5 * 200)
        kept = (whole[:, None] == left.unique(dim=0)).all(-1).any(1)
        normal = torch.linalg.lstsq(  # a plane parts what is kept from what is missing
            torch.cat([whole - whole.mean(0), torch.ones(200, 1)], 1), 2 * kept.float()[:, None] - 1
        ).solution
        side = (torch.cat([whole - whole.mean(0), torch.ones(200, 1)], 1) @ normal)[:, 0] > 0
        assert (side == kept).double().mean() > 0.9


@pytest.mark.parametrize("change", [jitter, outliers])
def test_points_stay_in_front_of_a_camera_that_is_near(change) -> None:
    data = clouds(20, 100) - torch.tensor([0, 0, 0.35])
    nearest = data[..., 2].amin(1, keepdim=True)
    assert (nearest > 0).all()
    out = change(data, severities(20, 1), generator())
    assert (out[..., 2] >= 0.0999 * nearest).all()
    assert torch.equal(in_front(data, data), data)
