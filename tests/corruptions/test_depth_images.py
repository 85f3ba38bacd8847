"""Known effects on depth images."""

import pytest
import torch

from smcrep.corruptions.depth_images import bias, edge_bleeding, missing_returns, noise, quantisation
from tests.corruptions.samples import depths, generator, severities


@pytest.mark.parametrize("change", [noise, edge_bleeding, quantisation, bias])
def test_pixels_that_read_nothing_still_read_nothing_and_the_others_something(change) -> None:
    data = depths()
    assert torch.equal(change(data, severities(5, 1), generator()) > 0, data > 0)
    near = torch.full((40, 8, 8), 0.02)
    assert (change(near, severities(40, 1), generator()) > 0).all()


def test_noise_has_its_standard_deviation_in_metres() -> None:
    change = noise(torch.ones(40, 32, 32), severities(40, 0.5), generator()) - 1
    assert change.std().item() == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize("severity", [0.25, 1.0])
def test_missing_returns_are_the_stated_share_in_patches(severity: float) -> None:
    data = torch.ones(20, 32, 32)
    missing = missing_returns(data, severities(20, severity), generator()) == 0
    assert missing.sum((1, 2)).tolist() == [round(severity * 1024)] * 20
    if severity < 1:  # a neighbour of a missing pixel is missing far more often than a pixel drawn by itself would be
        beside = missing[:, :, 1:][missing[:, :, :-1]].double().mean()
        assert beside > 0.75


def test_edges_move_towards_the_middle_and_what_is_flat_stays() -> None:
    """A step from .5 to .7 m between columns 15 and 16 of 32: the window of 3 pixels holds both in these two alone."""
    data = torch.full((1, 32, 32), 0.5)
    data[..., 16:] = 0.7
    out = edge_bleeding(data, severities(1, 0.5), generator())[0, 0]
    torch.testing.assert_close(out[13:19], torch.tensor([0.5, 0.5, 0.55, 0.65, 0.7, 0.7]))
    gentle = torch.full((1, 32, 32), 0.5)
    gentle[..., 16:] = 0.54
    assert torch.equal(edge_bleeding(gentle, severities(1, 1), generator()), gentle)
    holed = torch.full((1, 32, 32), 0.5)
    holed[..., 16:] = 0  # nothing read counts as .2 m behind
    out = edge_bleeding(holed, severities(1, 0.5), generator())[0, 0]
    torch.testing.assert_close(out[13:18], torch.tensor([0.5, 0.5, 0.55, 0, 0]))


def test_readings_are_multiples_of_the_step() -> None:
    data = 0.3 + torch.rand(2, 16, 16, generator=generator())
    out = quantisation(data, severities(2, 0.5), generator())
    torch.testing.assert_close(out / 0.05, (out / 0.05).round(), atol=1e-4, rtol=0)
    assert (out - data).abs().max() <= 0.025 + 1e-6


def test_bias_is_one_number_an_image_up_or_down_as_often() -> None:
    change = bias(torch.ones(200, 8, 8), severities(200, 0.5), generator()) - 1
    torch.testing.assert_close(change.abs(), torch.full_like(change, 0.05))
    assert (change == change[:, :1, :1]).all()
    assert 0.4 < (change > 0).double().mean() < 0.6
