"""Blur, against its definition in loops and its moments."""

import math

import pytest
import torch

from smcrep.corruptions.picture_blur import defocus_blur, motion_blur
from tests.corruptions.samples import generator, grey, pictures, severities


def spot(n: int, size: int = 60) -> torch.Tensor:
    """A white square of 5 pixels on black."""
    picture = grey(n, 0, size)
    picture[:, 28:33, 28:33] = 255
    return picture


def spread(picture: torch.Tensor) -> torch.Tensor:
    """[2, 2]: covariance, in pixels, of the light of a picture about its middle."""
    light = picture[..., 0].double()
    place = torch.stack(torch.meshgrid(*(torch.arange(s, dtype=torch.float64) for s in light.shape), indexing="ij"), -1)
    weight = (light / light.sum())[..., None]
    away = place - (weight * place).sum((0, 1))
    return (weight[..., None] * away[..., :, None] * away[..., None, :]).sum((0, 1))


def test_defocus_averages_over_a_disc() -> None:
    """In loops: mean over the pixels of the disc, those on its rim by the part that lies in it."""
    data, radius = pictures(1, 24), 2.0 * 0.75  # a twelfth of 24
    out = defocus_blur(data, severities(1, 0.75), generator())
    for row, column in ((0, 0), (7, 11), (23, 5)):
        for channel in range(3):
            total = norm = 0.0
            for dy in range(-4, 5):
                for dx in range(-4, 5):
                    weight = min(1.0, max(0.0, radius + 0.5 - math.hypot(dy, dx)))
                    y, x = min(23, max(0, row + dy)), min(23, max(0, column + dx))
                    total, norm = total + weight * data[0, y, x, channel].item(), norm + weight
            assert out[0, row, column, channel].item() == pytest.approx(total / norm, abs=0.51)


@pytest.mark.parametrize("severity", [0.5, 1.0])
def test_a_point_becomes_a_disc_of_the_stated_radius(severity: float) -> None:
    """The covariance of a disc of radius r is r^2 / 4 in each direction; that of the spot adds up with it."""
    data = spot(1)
    added = spread(defocus_blur(data, severities(1, severity), generator())[0]) - spread(data[0])
    radius = severity * 5.0  # a twelfth of 60
    assert added[0, 0].item() == pytest.approx(radius**2 / 4, rel=0.1)
    torch.testing.assert_close(added[0, 0], added[1, 1])
    assert abs(added[0, 1].item()) < 0.01 * added[0, 0].item()


def test_motion_spreads_a_point_along_a_line_of_the_stated_length_in_every_direction() -> None:
    """The variance of a line of length l is l^2 / 12 along it, and hardly anything across."""
    data = spot(40)
    out = motion_blur(data, severities(40, 1), generator())
    directions = []
    for picture in out:
        values, vectors = torch.linalg.eigh(spread(picture) - spread(data[0]))
        assert values[1].item() == pytest.approx(20**2 / 12, rel=0.1)  # a third of 60
        assert abs(values[0].item()) < 0.5
        directions.append(math.atan2(vectors[0, 1].item(), vectors[1, 1].item()) % math.pi)
    assert max(directions) > 0.9 * math.pi
    assert min(directions) < 0.1 * math.pi


@pytest.mark.parametrize("blur", [defocus_blur, motion_blur])
@pytest.mark.parametrize("size", [(8, 8), (17, 40), (65, 33)])
def test_an_even_picture_stays_as_it_is_in_any_size(blur, size: tuple[int, int]) -> None:
    data = torch.full((20, *size, 3), 90, dtype=torch.uint8)
    assert torch.equal(blur(data, severities(20, 1), generator()), data)
