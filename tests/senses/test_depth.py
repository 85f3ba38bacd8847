"""Depth images: deviations set the scale, the mean is the context, pixels that read nothing reach nothing."""

import math

import pytest
import torch
from torch import Tensor

from smcrep.senses import DEPTH, DepthSettings
from smcrep.senses.depth import MAX_DEVIATIONS, DepthChannels

SETTINGS = DepthSettings(size=16, scale_m=0.1)
IMAGES = torch.ones(2, 16, 16)


def checkerboard(*means_m: float, deviation_m: float = 0.07) -> Tensor:
    """float32 [len(means), 16, 16]: half of the pixels a deviation nearer than the mean, half as much farther."""
    row, column = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    sign = 1 - 2 * ((row + column) % 2).float()
    return torch.tensor(means_m)[:, None, None] + deviation_m * sign


def channels(depth: Tensor, settings: DepthSettings = SETTINGS) -> tuple[Tensor, Tensor]:
    of = DepthChannels(settings)
    return of(depth), of.context(depth)


@pytest.mark.parametrize(
    ("depth", "words"),
    [
        (IMAGES[0], r"shape \[16, 16\], expected \(B, H, W\); for one image pass depth\[None\]"),
        (IMAGES[..., None], r"shape \[2, 16, 16, 1\], expected \(B, H, W\); drop the channel axis"),
        ((1000 * IMAGES).short(), "depth is int16, expected floating-point metres; divide millimetres by 1000"),
        (IMAGES * math.nan, r"depth\[0, 0, 0\] is nan; write 0 where the sensor reads nothing"),
        (-IMAGES, "depth holds -1; give metres along z, 0 where nothing is read"),
        (IMAGES - 1.5 * (torch.arange(16) == 3), "depth holds -0.5; give metres along z"),
        (IMAGES[:, :4], "4 x 16 pixels.*at least 8 x 8"),
    ],
)
def test_wrong_depth_images_are_refused_with_the_remedy(depth: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        DEPTH.check(depth)
    assert "\n" not in str(caught.value)


def test_planted_deviation_is_found_whatever_the_distance_and_what_is_not_read() -> None:
    depth = checkerboard(0.3, 0.9, 2.0)
    assert DEPTH.fit(SETTINGS, depth).scale_m == pytest.approx(0.07, rel=1e-4)  # type: ignore[attr-defined]
    depth[:, 4:8, 4:8] = 0  # as many nearer ones as farther ones: the mean stays
    assert DEPTH.fit(SETTINGS, depth).scale_m == pytest.approx(0.07, rel=1e-4)  # type: ignore[attr-defined]


@pytest.mark.parametrize("depth", [torch.zeros(3, 8, 8), torch.full((3, 8, 8), 0.5), torch.zeros(0, 8, 8)])
def test_sample_without_deviations_leaves_the_scale(depth: Tensor) -> None:
    assert DEPTH.fit(SETTINGS, depth) == SETTINGS


def test_context_is_the_mean_of_what_was_read() -> None:
    depth = checkerboard(0.3, 0.9)
    depth[:, 4:8, 4:8] = 0
    torch.testing.assert_close(channels(depth)[1], torch.tensor([[0.3], [0.9]]))


def test_deviations_are_those_from_the_mean_in_units_of_the_scale() -> None:
    deviation, known = channels(checkerboard(0.3, 0.9))[0].unbind(1)
    torch.testing.assert_close(deviation, checkerboard(0.0, 0.0) / 0.1, atol=1e-5, rtol=0)
    assert (known == 1).all()
    far = checkerboard(1.0)
    far[0, 0, 0] = 100.0
    assert channels(far)[0][0, 0].max() == MAX_DEVIATIONS


def test_pixel_that_reads_nothing_changes_its_own_place_alone() -> None:
    """Planted: the pixel holds the mean of its image, which the others then keep."""
    depth = checkerboard(0.6)
    depth[0, 2, 3], depth[0, 2, 4] = 0.6, 0.6  # a nearer and a farther one
    unread = depth.clone()
    unread[0, 2, 3] = 0
    (before, context), (after, other) = channels(depth), channels(unread)
    torch.testing.assert_close(other, context)
    changed = (after - before).abs() > 1e-5
    assert changed.nonzero().tolist() == [[0, 1, 2, 3]]  # the map of what was read, at that pixel
    assert after[0, :, 2, 3].tolist() == [0, 0]


def test_image_that_reads_nothing_is_all_zeros() -> None:
    nothing, context = channels(torch.zeros(2, 16, 16))
    assert not nothing.any()
    assert not context.any()
    assert all(f.isfinite().all() for f in DEPTH.encoder(SETTINGS, 8)(torch.zeros(2, 16, 16)))


def test_distance_reaches_the_equivariant_features_alone() -> None:
    """An object farther away is the same object."""
    encoder = DEPTH.encoder(SETTINGS, 8)
    near, far = encoder(checkerboard(0.4)), encoder(checkerboard(0.9))
    torch.testing.assert_close(near[0], far[0], atol=1e-4, rtol=0)
    assert (near[1] - far[1]).abs().max() > 1e-3


@pytest.mark.parametrize("scale_m", [0.0, -1.0, math.inf, math.nan])
def test_scale_out_of_range_is_refused(scale_m: float) -> None:
    with pytest.raises(ValueError, match=rf"^DepthSettings: scale_m is {scale_m}; give metres above 0"):
        DepthSettings(scale_m=scale_m)
