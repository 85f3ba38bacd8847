"""Wrong inputs as a user gives them: one clear line that says what, where, and what to do."""

import math

import numpy as np
import pytest
import torch

from smcrep.models.inputs import check_observations

RGB, POINTS = torch.zeros(2, 16, 16, 3, dtype=torch.uint8), torch.zeros(2, 10, 3)
BOTH = ("rgb", "points")


def with_fault(value: float) -> torch.Tensor:
    points = POINTS.clone()
    points[1, 4, 2] = points[1, 7, 0] = value
    return points


@pytest.mark.parametrize(
    ("rgb", "points", "words"),
    [
        (None, None, "neither rgb nor points was given; pass rgb="),
        (RGB.float() / 255, None, r"rgb is float32, expected uint8 in 0..255; convert by \(rgb \* 255\).round"),
        (RGB.long(), None, "rgb is int64, expected uint8.*cast to uint8"),
        (RGB.permute(0, 3, 1, 2), None, r"shape \[2, 3, 16, 16\], channels first.*transpose\(0, 2, 3, 1\)"),
        (RGB[0], None, r"shape \[16, 16, 3\], expected \(B, H, W, 3\); for one image pass rgb\[None\]"),
        (RGB[None], None, r"shape \[1, 2, 16, 16, 3\], expected \(B, H, W, 3\)$"),
        (RGB[..., :1], None, "has 1 channels, expected 3.*repeat grey"),
        (torch.zeros(2, 16, 16, 4, dtype=torch.uint8), None, "has 4 channels, expected 3.*drop alpha"),
        (RGB[:, :4], None, "4 x 16 pixels.*at least 8 x 8"),
        ([[1]], None, "rgb is a list; pass a numeric NumPy array"),
        (np.array(["a"]), None, "rgb is an array of <U1; pass a numeric"),
        (None, with_fault(math.nan), r"points\[1, 4, 2\] is nan; remove points without depth"),
        (None, with_fault(-math.inf), r"points\[1, 4, 2\] is -inf"),
        (None, POINTS.double() + 1e300, r"points\[0, 0, 0\] is inf"),
        (None, POINTS[0], r"shape \[10, 3\], expected \(B, N, 3\); for one cloud pass points\[None\]"),
        (None, POINTS.mT, r"shape \[2, 3, 10\], expected \(B, N, 3\); transpose"),
        (None, torch.zeros(2, 10, 6), r"shape \[2, 10, 6\], expected \(B, N, 3\); drop what is not x, y, z"),
        (None, POINTS[:, :0], "clouds of 0 points; give at least 1"),
        (None, POINTS.int(), "points is int32, expected floating-point metres"),
        (RGB, POINTS[:1], "rgb holds 2 observations and points 1; give both senses of the same observations"),
    ],
)
def test_faults(rgb, points, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        check_observations(rgb, points, BOTH)
    assert "\n" not in str(caught.value)


def test_a_sense_that_the_model_lacks() -> None:
    with pytest.raises(ValueError, match="no sense 'points', it was trained on rgb"):
        check_observations(RGB, POINTS, ("rgb",))


def test_what_is_right_passes() -> None:
    given = check_observations(RGB.numpy(), POINTS.half(), BOTH)
    assert given["rgb"].dtype == torch.uint8
    assert given["points"].dtype == torch.float32


def test_a_three_pixel_image_is_not_taken_for_channels_first() -> None:
    with pytest.raises(ValueError, match="3 x 16 pixels"):
        check_observations(torch.zeros(2, 3, 16, 3, dtype=torch.uint8), None, BOTH)
