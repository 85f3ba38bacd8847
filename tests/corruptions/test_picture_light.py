"""Known effects of light on pictures, and of what stands before them."""

import pytest
import torch

from smcrep.corruptions.picture_light import colour_cast, darkness, fog, glare, occlusion
from tests.corruptions.samples import generator, grey, pictures, severities


@pytest.mark.parametrize("severity", [0.1, 0.5, 1.0])
def test_occlusion_hides_the_stated_share_by_one_rectangle_of_one_colour_anywhere(severity: float) -> None:
    data = grey(60, 128)
    out = occlusion(data, severities(60, severity), generator())
    hidden = (out != data).any(-1)
    assert hidden.double().mean().item() == pytest.approx(0.5 * severity, rel=0.03)
    for picture, where in zip(out, hidden, strict=True):
        rows, columns = where.any(1), where.any(0)
        assert torch.equal(where, rows[:, None] & columns)
        assert max(rows.diff().sum(), columns.diff().sum()) <= 2  # one piece
        assert len(picture[where].unique(dim=0)) == 1
        assert 0.45 < rows.sum() / columns.sum() < 2.2
    if severity < 1:
        assert hidden.any(0).any(0)[5:-5].all(), "some column is never hidden"
        assert hidden.any(0).any(1)[5:-5].all(), "some row is never hidden"


@pytest.mark.parametrize("severity", [0.25, 1.0])
def test_darkness_scales_the_picture_and_1_is_black(severity: float) -> None:
    data = pictures()
    out = darkness(data, severities(5, severity), generator())
    assert (out.float() - (1 - severity) * data.float()).abs().max() <= 0.5


def test_fog_takes_contrast_about_a_bright_grey() -> None:
    data = pictures()
    out = fog(data, severities(5, 0.5), generator()).float()
    assert (out.std() / data.float().std()).item() == pytest.approx(1 - 0.45, rel=0.01)
    at_fog = grey(1, 204)
    assert torch.equal(fog(at_fog, severities(1, 1), generator()), at_fog)


def test_glare_is_white_in_its_middle_and_falls_off_as_a_gaussian() -> None:
    """The logarithm of a Gaussian has the second difference -d^2 / std^2 over steps of d pixels, wherever it lies."""
    data = grey(30, 0)
    out = glare(data, severities(30, 1), generator()).double() / 255
    assert (out.amax((1, 2, 3)) > 0.99).all()
    for light in (out[..., 0], out[..., 0].mT):
        before, here, after = light[..., :-20], light[..., 10:-10], light[..., 20:]
        bright = torch.minimum(before, after) > 0.2
        bend = (before.log() + after.log() - 2 * here.log())[bright]
        assert bend.mean().item() == pytest.approx(-((10 / (0.3 * 64)) ** 2), rel=0.01)
    half = glare(data, severities(30, 0.5), generator()).double() / 255
    assert (half - out / 2).abs().max() < 0.005


def test_a_cast_doubles_or_halves_the_channel_that_changes_most() -> None:
    out = colour_cast(grey(400, 100), severities(400, 1), generator()).double()[:, 0, 0] / 100
    most = out.log2().abs().amax(1)
    assert (most - 1).abs().max() < 0.01
    assert 0.4 < (out.log2().gather(1, out.log2().abs().argmax(1, keepdim=True)) > 0).double().mean() < 0.6
    half = colour_cast(grey(400, 100), severities(400, 0.5), generator()).double()[:, 0, 0] / 100
    assert (half.log2() - out.log2() / 2).abs().max() < 0.02


def test_a_wide_picture_is_hidden_as_a_square_one_is() -> None:
    data = torch.full((40, 24, 60, 3), 128, dtype=torch.uint8)
    hidden = (occlusion(data, severities(40, 1), generator()) != data).any(-1)
    assert hidden.double().mean().item() == pytest.approx(0.5, rel=0.05)
