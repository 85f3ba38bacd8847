"""Point clouds: thinned by points of their own, scaled as was fitted, and wrong ones refused with the remedy."""

import math

import pytest
import torch
from torch import Tensor

from smcrep.senses import POINTS, PointsSettings

CLOUDS = torch.zeros(2, 10, 3)


def with_fault(value: float) -> Tensor:
    points = CLOUDS.clone()
    points[1, 4, 2] = points[1, 7, 0] = value
    return points


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (with_fault(math.nan), r"points\[1, 4, 2\] is nan; remove points without depth"),
        (with_fault(-math.inf), r"points\[1, 4, 2\] is -inf"),
        (CLOUDS.double() + 1e300, r"points\[0, 0, 0\] is inf"),
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


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"encoder": "x"}, "encoder is 'x'; choose one of pointnet, dgcnn"),
        ({"scale_m": 0.0}, "scale_m is 0.0; give metres above 0"),
        ({"scale_m": math.nan}, "scale_m is nan; give metres above 0"),
        ({"num_train_points": -1}, r"num_train_points is -1; give 0 \(all\) or more"),
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict, words: str) -> None:
    with pytest.raises(ValueError, match=rf"^PointsSettings: {words}"):
        PointsSettings(**wrong)
