"""Point clouds: thinned by points of their own, scaled as was fitted, and wrong ones refused with the remedy."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from smcrep.senses import POINTS, PointsSettings
from smcrep.senses.points import resampled
from tests.senses.samples import sample

CLOUDS = sample("points", 2, size=10)


def with_rows(cloud: int, rows: slice | list[int], value: object) -> Tensor:
    points = CLOUDS.clone()
    points[cloud, rows] = torch.as_tensor(value)
    return points


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (with_rows(1, slice(None), math.nan), r"points\[1\] has no point that was seen.*leave the observation out"),
        (with_rows(1, slice(None), 0.0), r"points\[1\] has no point that was seen"),
        (CLOUDS.double() + 1e300, r"points\[0\] has no point that was seen"),
        (with_rows(1, [2, 5, 6], [0.0, 0.1, -0.4]), r"3 of the 10 points of points\[1\] are not in front .*z forward"),
        (CLOUDS - CLOUDS.mean(1, keepdim=True), r"\d of the 10 points of points\[0\] are not in front"),
        (1000 * CLOUDS, r"points\[0\] is \d+ m from the camera, .*divide millimetres by 1000"),
        (100 * CLOUDS, r"points\[0\] is \d+.* m from the camera, .*centimetres by 100"),
        (CLOUDS[0], r"shape \[10, 3\], expected \(B, N, 3\); for one cloud pass points\[None\]"),
        (CLOUDS.mT, r"shape \[2, 3, 10\], expected \(B, N, 3\); transpose"),
        (torch.zeros(2, 10, 6), r"shape \[2, 10, 6\], expected \(B, N, 3\); drop what is not x, y, z"),
        (CLOUDS[:, :0], "clouds of 0 points; give at least 1"),
        (CLOUDS.int(), "points is int32, expected floating-point metres"),
    ],
)
def test_wrong_clouds_are_refused_with_the_remedy(points: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        POINTS.check(points)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf, [0.1, math.nan, 0.5], [0.1, 0.1, 0.0], [0.1, 0.0, -0.3]])
def test_unseen_points_are_left_out_and_counted(value: object) -> None:
    points = with_rows(1, [0, 4], 0.0)
    points[1, 7] = torch.as_tensor(value)
    with pytest.warns(UserWarning, match=r"^embed: 3 of 20 points, in 1 of 2 clouds, were not seen .* left out$"):
        checked = POINTS.check(points)
    assert torch.equal(checked[0], CLOUDS[0])
    seen = CLOUDS[1, [1, 2, 3, 5, 6, 8, 9]]
    assert torch.equal(checked[1, [1, 2, 3, 5, 6, 8, 9]], seen)
    assert torch.equal(checked[1, [0, 4, 7]], seen[:3])  # copies of different ones
    assert torch.equal(POINTS.check(checked), checked)  # nothing more to say of them


@pytest.mark.parametrize("factor", [39.4, 1000.0, 0.001])
def test_clouds_of_another_unit_than_those_of_the_training_are_refused(factor: float) -> None:
    settings = POINTS.fit(PointsSettings(), CLOUDS)
    POINTS.plausible(settings, CLOUDS)
    POINTS.plausible(settings, CLOUDS[:, :1])  # one point has no size
    with pytest.raises(ValueError, match=r"^embed: points\[0\] is .* times as large .*; give one object, in metres$"):
        POINTS.plausible(settings, factor * CLOUDS)


def test_some_of_its_points_tell_the_unit_of_a_large_cloud() -> None:
    clouds = sample("points", 2, size=300)
    settings = POINTS.fit(PointsSettings(), clouds)
    POINTS.plausible(settings, clouds)
    for factor in (39.4, 0.001):
        with pytest.raises(ValueError, match="give one object, in metres"):
            POINTS.plausible(settings, factor * clouds)


def test_clouds_of_different_numbers_of_points_become_one_batch() -> None:
    clouds = [sample("points", 1, size=size, seed=size)[0].double().numpy() for size in (5, 12, 3)]
    found = POINTS.convert(clouds)
    assert found.shape == (3, 12, 3)
    for cloud, padded in zip(clouds, found, strict=True):
        rows, counts = np.unique(padded.numpy(), axis=0, return_counts=True)
        np.testing.assert_array_equal(rows, np.unique(cloud.astype(np.float32), axis=0))
        assert counts.max() - counts.min() <= 1  # spread evenly
    with pytest.raises(ValueError, match=r"^transform: points is a list with a cloud of 0 points; leave"):
        POINTS.convert([clouds[0], clouds[0][:0]])


def test_resampled_cloud_holds_each_point_once_until_there_are_no_more() -> None:
    cloud = sample("points", 1, size=30)[0]
    for num in (1, 7, 30, 45):
        found = resampled(cloud, num)
        assert torch.equal(found, resampled(cloud, num))
        assert len(found) == num
        assert len(found.unique(dim=0)) == min(num, 30)


def test_any_floating_point_type_becomes_float32() -> None:
    assert POINTS.check(CLOUDS.half()).dtype == torch.float32
    assert POINTS.check(CLOUDS.double().numpy()).dtype == torch.float32
    assert POINTS.convert(CLOUDS[0].double().numpy()).dtype == torch.float32
    assert (
        POINTS.convert(CLOUDS.int()).dtype == torch.int32
    )  # millimetres are not rounded away before `check` sees them


def test_planted_scale_is_found_wherever_the_clouds_lie() -> None:
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(50, 1000, 3, generator=generator), dim=-1)
    found = POINTS.fit(PointsSettings(), 0.07 * directions + torch.tensor([0.0, 1.0, 5.0]))
    assert found.scale_m == pytest.approx(0.07, rel=0.01)  # type: ignore[attr-defined]


def test_stray_points_do_not_change_the_scale() -> None:
    clouds = sample("points", 20, size=200)
    clean = POINTS.fit(PointsSettings(), clouds).scale_m  # type: ignore[attr-defined]
    clouds[:, :4] += torch.tensor([0.0, 0.0, 3.0]) * torch.arange(1, 5)[:, None]
    assert POINTS.fit(PointsSettings(), clouds).scale_m == pytest.approx(clean, rel=0.03)  # type: ignore[attr-defined]


def test_thinned_clouds_hold_points_of_their_own() -> None:
    points = torch.randn(2, 4, 24, 3, generator=torch.Generator().manual_seed(0))
    settings = PointsSettings(num_train_points=10)
    thinned = POINTS.thin(settings, points, torch.Generator().manual_seed(0))
    assert thinned.shape == (2, 4, 10, 3)
    distance = torch.cdist(thinned.flatten(0, 1), points.flatten(0, 1))
    assert (distance.min(-1).values < 1e-6).all()
    assert len(distance[0].argmin(-1).unique()) == 10  # each once
    assert not torch.equal(POINTS.thin(settings, points, torch.Generator().manual_seed(1)), thinned)


@pytest.mark.parametrize("num_train_points", [0, 24, 99])
def test_clouds_with_few_enough_points_stay_whole(num_train_points: int) -> None:
    points = torch.randn(2, 4, 24, 3)
    assert POINTS.thin(PointsSettings(num_train_points=num_train_points), points, None) is points


def test_sparse_clouds_hold_fewer_points_of_their_own() -> None:
    points = sample("points", 40, 5, size=128)
    found = POINTS.augment(PointsSettings(sparse_share=0.4), points, torch.Generator().manual_seed(0)).flatten(0, 1)
    nums = torch.tensor([len(cloud.unique(dim=0)) for cloud in found])
    assert 0.3 < (nums < 128).float().mean() < 0.5
    assert nums.min() >= 32
    assert 50 < nums[nums < 128].float().log().mean().exp() < 80  # evenly by logarithm: 64
    own = torch.cdist(found, points.flatten(0, 1), compute_mode="donot_use_mm_for_euclid_dist").min(-1).values
    assert own.max() == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"sparse_share": 1.5}, r"sparse_share is 1.5; give 0 \(none\) to 1"),
        ({"encoder": "x"}, "encoder is 'x'; choose one of pointnet, pointnet2, dgcnn, point_transformer"),
        ({"scale_m": 0.0}, "scale_m is 0.0; give metres above 0"),
        ({"scale_m": math.nan}, "scale_m is nan; give metres above 0"),
        ({"num_train_points": -1}, r"num_train_points is -1; give 0 \(all\) or more"),
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict, words: str) -> None:
    with pytest.raises(ValueError, match=rf"^PointsSettings: {words}"):
        PointsSettings(**wrong)


def test_one_cloud_of_another_unit_among_others_is_enough_and_larger_objects_pass() -> None:
    clouds = sample("points", 3, size=300)
    settings = POINTS.fit(PointsSettings(), clouds)
    POINTS.plausible(settings, 8 * clouds)
    clouds[1] *= 1000
    with pytest.raises(ValueError, match=r"points\[1\] is"):
        POINTS.plausible(settings, clouds)
