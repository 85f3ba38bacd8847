"""Image encoders keep places apart, take any size, and give a batch what its items get."""

import math

import pytest
import torch
from torch import Tensor, nn

from smcrep.encoders.spatial import MAP_SIZE, Regions, SmallCNN, SpatialEncoder, resized


class Grey(nn.Module):
    """float32 [b, h, w] in [0, 1] -> [b, 1, s, s], with the mean as context where it is wanted."""

    num_channels = 1

    def __init__(self, size: int = 64, num_context: int = 0) -> None:
        super().__init__()
        self.size, self.num_context = size, num_context

    def forward(self, images: Tensor) -> Tensor:
        return resized(images[:, None], self.size)

    def context(self, images: Tensor) -> Tensor:
        return images.mean((1, 2))[:, None].expand(-1, self.num_context)


def images(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def encoder(size: int = 64, num_context: int = 0, width: int = 16, num_blocks: int = 0) -> SpatialEncoder:
    return SpatialEncoder(Grey(size, num_context), SmallCNN(1, width, num_blocks), trunk_dim=16)


@pytest.mark.parametrize("size", [(64, 64), (8, 8), (224, 224), (30, 97)])
def test_any_size_gives_features_of_one_length(size: tuple[int, int]) -> None:
    for out in encoder()(images(2, *size)):
        assert out.shape == (2, 16)
        assert out.isfinite().all()


@pytest.mark.parametrize("options", [{}, {"width": 24, "num_blocks": 2}, {"size": 40}, {"num_context": 2}])
def test_batch_equals_its_items_and_may_be_empty(options: dict[str, int]) -> None:
    of, x = encoder(**options), images(5, 64, 64)
    items = [of(item[None]) for item in x]
    for i, whole in enumerate(of(x)):
        torch.testing.assert_close(whole, torch.cat([item[i] for item in items]), atol=1e-5, rtol=0)
        assert of(x[:0])[i].shape == (0, 16)


@pytest.mark.parametrize("training", [True, False])
def test_building_leaves_the_backbone_in_the_mode_it_had(training: bool) -> None:
    backbone = SmallCNN(1).train(training)
    SpatialEncoder(Grey(), backbone, trunk_dim=16)
    assert {module.training for module in backbone.modules()} == {training}


def test_width_and_blocks_decide_the_maps() -> None:
    maps = SmallCNN(6, 24, 2)(torch.randn(2, 6, 64, 64))
    assert [tuple(m.shape[1:]) for m in maps] == [(24, 32, 32), (48, 16, 16), (96, MAP_SIZE, MAP_SIZE)]


def test_equivariant_features_keep_places_that_an_average_loses() -> None:
    """A patch that moves over a plain ground: what an average over the map hardly shows, a flattened map does."""
    of = encoder()
    x = torch.zeros(4, 64, 64)
    for i, (row, column) in enumerate([(16, 16), (16, 40), (40, 16), (40, 40)]):
        x[i, row : row + 8, column : column + 8] = 1
    with torch.no_grad():
        maps: list[Tensor] = []
        of.backbone.register_forward_hook(lambda _m, _i, out: maps.extend(out))
        _, equivariant = of(x)
    assert maps[-1].shape[-2:] == (MAP_SIZE, MAP_SIZE)
    averaged = maps[-1].mean((-2, -1))
    spread_averaged = ((averaged - averaged.mean(0)).norm() / averaged.norm()).item()
    spread = ((equivariant - equivariant.mean(0)).norm() / equivariant.norm()).item()
    assert spread > 10 * spread_averaged


def test_invariant_features_start_on_the_middle_of_the_image() -> None:
    """A change in the middle moves them more than the same change in a corner."""
    of, x = encoder(), torch.full((3, 64, 64), 0.35)
    x[1, 28:36, 28:36], x[2, :8, :8] = 0.8, 0.8
    plain, middle, corner = of(x)[0]
    assert (middle - plain).norm() > 1.3 * (corner - plain).norm()


def test_regions_are_averages() -> None:
    maps = [torch.randn(2, 3, 16, 16), torch.randn(2, 5, 8, 8)]
    regions = Regions(maps)
    assert regions.num_features == 4 * 8
    ones = regions([torch.ones_like(m) for m in maps])
    torch.testing.assert_close(ones, torch.ones(2, 32))
    with torch.no_grad():
        regions.score.weight.zero_()
        regions.place.zero_()
    whole = torch.cat([m.mean((2, 3)) for m in maps], 1)  # no preference: the plain average
    torch.testing.assert_close(regions(maps).unflatten(1, (4, 8)), whole[:, None].expand(-1, 4, -1))


def test_regions_of_any_shape_start_about_its_middle() -> None:
    """A region's score falls with the square of the distance from the middle, in sides, over that of its radius."""
    height, width, radii = 4, 6, (0.25, 0.35, 0.5, 1.0)
    place = Regions([torch.zeros(1, 3, height, width)]).place
    assert place.shape == (len(radii), height * width)
    for radius, of_region in zip(radii, place.tolist(), strict=True):
        for row in range(height):
            for column in range(width):
                distance = math.hypot((row + 0.5) / height - 0.5, (column + 0.5) / width - 0.5)
                assert of_region[row * width + column] == pytest.approx(-((distance / radius) ** 2), rel=1e-5)


def test_context_reaches_the_equivariant_features_alone() -> None:
    """Planted: the context differs and the map does not."""
    of, x = encoder(num_context=1), images(2, 64, 64)
    before = of(x)
    of.channels.context = lambda given: given.new_full((len(given), 1), 3.0)  # type: ignore[method-assign]
    after = of(x)
    assert torch.equal(after[0], before[0])
    assert (after[1] - before[1]).abs().max() > 1e-2


def test_resizing_averages_what_is_finer_than_a_pixel() -> None:
    """Antialiased: pixels doubled and brought back are the same image; stripes finer than a pixel become grey."""
    x = images(1, 1, 16, 16).repeat_interleave(4, 2).repeat_interleave(4, 3)
    doubled = x.repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert torch.cosine_similarity(resized(doubled, 64).flatten(), x.flatten(), dim=0).item() > 0.97
    assert resized(x, 64) is x
    stripes = torch.zeros(1, 1, 256, 256)
    stripes[:, :, 1::4] = stripes[:, :, 2::4] = 1  # the two rows of four that plain interpolation would read
    assert (resized(stripes, 64)[:, :, 2:-2] - 0.5).abs().max() < 0.03


def test_no_images_have_the_size_that_is_asked_for() -> None:
    assert resized(torch.zeros(0, 3, 16, 24), 64).shape == (0, 3, 64, 64)
