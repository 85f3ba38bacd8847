"""Known effects on masks, morphology against SciPy's."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from smcrep.corruptions.draws import direction
from smcrep.corruptions.masks import grown, missing_part, noise_blobs, shifted, shrunk
from tests.corruptions.samples import generator, masks, severities


def shapes(n: int = 6, size: int = 32) -> torch.Tensor:
    """Irregular objects, some of which touch the border."""
    field = torch.nn.functional.avg_pool2d(torch.rand(n, 1, size, size, generator=generator()), 7, 1, 3)[:, 0]
    return (field > field.mean()).to(torch.uint8)


@pytest.mark.parametrize("severity", [0.25, 0.6, 1.0])
def test_growing_and_shrinking_are_dilation_and_erosion_by_a_square(severity: float) -> None:
    data, reach = shapes(), round(4 * severity)  # an eighth of 32
    square = np.ones((2 * reach + 1, 2 * reach + 1))
    larger = grown(data, severities(6, severity), generator())
    smaller = shrunk(data, severities(6, severity), generator())
    for mask, more, less in zip(data.numpy(), larger.numpy(), smaller.numpy(), strict=True):
        assert np.array_equal(more, ndimage.binary_dilation(mask, square))
        assert np.array_equal(less, ndimage.binary_erosion(mask, square, border_value=1))


def test_each_mask_grows_by_its_own_severity() -> None:
    out = grown(masks(3), torch.tensor([0.0, 0.5, 1.0]), generator())
    assert out.sum((1, 2)).tolist() == [8 * 16, 12 * 20, 16 * 24]


@pytest.mark.parametrize("severity", [0.5, 1.0])
def test_a_shift_has_the_stated_length_in_every_direction(severity: float) -> None:
    data = torch.zeros(100, 32, 32, dtype=torch.uint8)
    data[:, 14:18, 14:18] = 1
    out = shifted(data, severities(100, severity), generator())
    assert (out.sum((1, 2)) == 16).all()
    place = torch.arange(32.0)
    middle = torch.stack([(out.sum(2) * place).sum(1), (out.sum(1) * place).sum(1)], 1) / 16 - 15.5
    assert (middle.norm(dim=1) - 8 * severity).abs().max() < 0.71  # half a pixel's diagonal
    assert middle.mean(0).norm() < 0.3 * 8 * severity


def test_what_leaves_the_image_is_gone_and_nothing_comes_in() -> None:
    data = torch.ones(20, 32, 32, dtype=torch.uint8)
    out = shifted(data, severities(20, 1), generator())
    for mask in out:
        rows, columns = mask.any(1), mask.any(0)
        assert torch.equal(mask.bool(), rows[:, None] & columns)
        assert ((32 - rows.sum()) ** 2 + (32 - columns.sum()) ** 2).sqrt() == pytest.approx(8, abs=0.71)


def test_noise_blobs_replace_the_stated_share_and_keep_the_area_at_1() -> None:
    data = masks(200)
    out = noise_blobs(data, severities(200, 1), generator())
    assert (out.sum((1, 2)) == 128).all()
    agreement = (out & data).sum() / data.sum()
    assert agreement.item() == pytest.approx(1 / 8, abs=0.05)  # chance: the object covers an eighth
    half = noise_blobs(data, severities(200, 0.5), generator())
    kept = (half & data).sum() / data.sum()
    assert kept.item() == pytest.approx(0.5 + 0.5 / 8, abs=0.05)


@pytest.mark.parametrize("severity", [0.4, 1.0])
def test_the_missing_part_is_the_stated_share_of_the_object_at_one_end(severity: float) -> None:
    data = masks(30)
    out = missing_part(data, severities(30, severity), generator())
    assert (out <= data).all()
    assert (128 - out.sum((1, 2)) - round(0.75 * severity * 128)).abs().max() <= 1  # pixels equally far go together
    place = torch.stack(torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij"), -1)
    for mask, whole in zip(out, data, strict=True):
        gone = (mask != whole).float()[..., None]
        apart = (gone * place).sum((0, 1)) / gone.sum() - (mask[..., None] * place).sum((0, 1)) / mask.sum()
        assert apart.norm() > 3


def test_a_shift_goes_where_its_direction_points() -> None:
    """Down and right are the first and the second number of the direction, as it is drawn."""
    data = torch.zeros(30, 32, 40, dtype=torch.uint8)
    data[:, 15, 20] = 1
    out = shifted(data, severities(30, 1), generator())
    toward = direction(data, 2, generator=generator())
    for mask, (down, right) in zip(out, toward.tolist(), strict=True):
        assert mask.nonzero().tolist() == [[15 + round(8 * down), 20 + round(8 * right)]]
