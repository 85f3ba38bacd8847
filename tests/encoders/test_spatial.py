"""Image encoders keep places apart, take any size, and give a batch what its items get."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch

from smcrep.models import ModelConfig
from smcrep.models.rgb import Regions, TimmMap, rgb_encoder

CONFIG = ModelConfig(trunk_dim=16)


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8))


@pytest.mark.parametrize("size", [(64, 64), (8, 8), (224, 224), (30, 97)])
def test_any_size(size: tuple[int, int]) -> None:
    for out in rgb_encoder(CONFIG)(images(2, *size)):
        assert out.shape == (2, 16)
        assert out.isfinite().all()


WIDE = ModelConfig(trunk_dim=16, rgb_width=24, rgb_blocks=2)


def test_width_and_blocks() -> None:
    encoder = rgb_encoder(WIDE)
    maps = encoder.backbone(torch.randn(2, 6, 64, 64))  # type: ignore[operator]
    assert [tuple(m.shape[1:]) for m in maps] == [(24, 32, 32), (48, 16, 16), (96, 8, 8)]
    with pytest.raises(ValueError, match="rgb_width is 20 and rgb_blocks 0; give a multiple of 8"):
        ModelConfig(rgb_width=20)


@pytest.mark.parametrize("config", [CONFIG, WIDE, ModelConfig(trunk_dim=16, rgb_size=40)])
def test_a_batch_equals_its_items_and_the_empty_batch_works(config: ModelConfig) -> None:
    encoder, x = rgb_encoder(config), images(5, 64, 64)
    items = [encoder(item[None]) for item in x]
    for i, whole in enumerate(encoder(x)):
        torch.testing.assert_close(whole, torch.cat([item[i] for item in items]), atol=1e-5, rtol=0)
        assert encoder(x[:0])[i].shape == (0, 16)


def test_where_is_spatial() -> None:
    """A patch that moves over a plain ground: what an average over the map hardly sees, a flattened map shows."""
    encoder = rgb_encoder(CONFIG)
    x = torch.zeros(4, 64, 64, 3, dtype=torch.uint8)
    for i, (row, column) in enumerate([(16, 16), (16, 40), (40, 16), (40, 40)]):
        x[i, row : row + 8, column : column + 8] = 255
    with torch.no_grad():
        maps: list[torch.Tensor] = []
        encoder.backbone.register_forward_hook(lambda _m, _i, out: maps.extend(out))  # type: ignore[union-attr]
        _, where = encoder(x)
    assert maps[-1].shape[-2:] == (8, 8)
    averaged = maps[-1].mean((-2, -1))
    spread_averaged = ((averaged - averaged.mean(0)).norm() / averaged.norm()).item()
    spread = ((where - where.mean(0)).norm() / where.norm()).item()
    assert spread > 10 * spread_averaged


def test_what_starts_on_the_middle_of_the_picture() -> None:
    """A change in the middle moves it more than the same change in a corner, and the regions are averages."""
    encoder, x = rgb_encoder(CONFIG), torch.full((3, 64, 64, 3), 90, dtype=torch.uint8)
    x[1, 28:36, 28:36], x[2, :8, :8] = 200, 200
    plain, middle, corner = encoder(x)[0]
    assert (middle - plain).norm() > 1.3 * (corner - plain).norm()
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


def test_chromaticity_forgets_how_bright_the_light_is() -> None:
    seen: list[torch.Tensor] = []
    encoder = rgb_encoder(CONFIG)
    encoder.backbone.register_forward_pre_hook(lambda _m, given: seen.append(given[0]))  # type: ignore[union-attr]
    bright = torch.tensor([200, 120, 60], dtype=torch.uint8).expand(1, 64, 64, 3)
    for image in (bright, bright // 2):
        encoder(image)
    assert (seen[0][:, 3:] - seen[1][:, 3:]).abs().max() < 0.2
    assert (seen[0][:, :3] - seen[1][:, :3]).abs().max() > 1
    assert seen[0][0, 3:, 0, 0].argmax() == 0


def test_a_large_image_is_the_small_one_seen_finer() -> None:
    """Antialiased: pixels doubled and brought back are the same image, stripes finer than a pixel become grey."""
    encoder = rgb_encoder(CONFIG)
    x = images(1, 8, 8).repeat_interleave(8, 1).repeat_interleave(8, 2)
    doubled = x.repeat_interleave(4, 1).repeat_interleave(4, 2)
    for fine, coarse in zip(encoder(doubled), encoder(x), strict=True):
        assert torch.cosine_similarity(fine, coarse).item() > 0.97
    seen: list[torch.Tensor] = []
    encoder.backbone.register_forward_pre_hook(lambda _m, given: seen.append(given[0]))  # type: ignore[union-attr]
    stripes = torch.zeros(1, 256, 256, 3, dtype=torch.uint8)
    stripes[:, 1::4] = stripes[:, 2::4] = 255  # the two rows of four that plain interpolation would read
    encoder(stripes)
    assert seen[0][:, :3, 2:-2].abs().max() < 0.1  # mid-grey is 0


def test_normalised_by_the_configuration() -> None:
    plain = ModelConfig(trunk_dim=16, rgb_mean=(0.0,) * 3, rgb_std=(1.0,) * 3)
    a, b = rgb_encoder(plain), rgb_encoder(ModelConfig(trunk_dim=16, rgb_mean=(0.2,) * 3, rgb_std=(0.5,) * 3))
    b.load_state_dict(a.state_dict())
    x = images(1, 64, 64) // 4
    seen: list[torch.Tensor] = []
    for encoder in (a, b):
        encoder.backbone.register_forward_pre_hook(lambda _m, given: seen.append(given[0]))  # type: ignore[union-attr]
        encoder(x)
    torch.testing.assert_close(seen[1][:, :3], (seen[0][:, :3] - 0.2) / 0.5)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_any_timm_name(name: str) -> None:
    encoder = rgb_encoder(ModelConfig(trunk_dim=16, rgb_encoder=name))
    what, where = encoder(images(2, 50, 70))
    assert what.shape == where.shape == (2, 16)
    (what + where).square().sum().backward()
    assert all(p.grad is not None for p in encoder.parameters())  # nothing idle: DDP would stop at it


def test_timm_map_is_that_of_timm() -> None:
    """Deepest map with 4 x 4 places, by timm's own list of strides."""
    torch.manual_seed(0)
    ours = TimmMap("test_resnet", 64).eval()
    torch.manual_seed(0)
    theirs = timm.create_model("test_resnet", features_only=True).eval()
    theirs.load_state_dict(timm.create_model("test_resnet").state_dict(), strict=False)
    theirs.load_state_dict({k: v for k, v in ours.model.state_dict().items() if k in theirs.state_dict()}, strict=False)
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    stage = [i for i, stride in enumerate(theirs.feature_info.reduction()) if 64 // stride >= 4][-1]  # type: ignore[union-attr]
    torch.testing.assert_close(ours(x)[-1], theirs(x)[stage])


def test_an_unknown_name_is_named() -> None:
    with pytest.raises(ValueError, match="timm knows no model 'resnet_18'; take 'small'"):
        rgb_encoder(ModelConfig(rgb_encoder="resnet_18"))


def test_frozen_norm_keeps_its_statistics_and_a_batch_its_items() -> None:
    config = ModelConfig(trunk_dim=16, rgb_encoder="test_efficientnet")
    frozen, free = (rgb_encoder(replace(config, rgb_frozen_norm=f)).train() for f in (True, False))
    x = images(4, 64, 64)
    for encoder, stays in ((frozen, True), (free, False)):
        before = {n: b.clone() for n, b in encoder.named_buffers()}
        out = torch.cat(encoder(x), -1)
        assert all(torch.equal(b, before[n]) for n, b in encoder.named_buffers()) == stays
        alone = torch.cat([torch.cat(encoder(item[None]), -1) for item in x])
        assert torch.allclose(out, alone, atol=1e-4) == stays
    norms = [m for m in frozen.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms
    assert all(p.requires_grad for m in norms for p in m.parameters())  # gain and bias still learn
