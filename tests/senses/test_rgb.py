"""Pictures: scaled as was fitted, coloured anew in training, and wrong ones refused with the remedy."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from smcrep.senses import RGB, RGBSettings

PICTURES = torch.zeros(2, 16, 16, 3, dtype=torch.uint8)


def images(*shape: int) -> Tensor:
    return torch.randint(0, 256, (*shape, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def channels_of(settings: RGBSettings, rgb: Tensor) -> Tensor:
    """float32 [b, c, s, s] that the backbone is given."""
    encoder: nn.Module = RGB.encoder(settings, 16)
    return encoder.channels(rgb)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("rgb", "words"),
    [
        (PICTURES.float() / 255, r"rgb is float32, expected uint8 in 0..255; convert by \(rgb \* 255\).round"),
        (PICTURES.long(), "rgb is int64, expected uint8.*cast to uint8"),
        (PICTURES.permute(0, 3, 1, 2), r"shape \[2, 3, 16, 16\], channels first.*transpose\(0, 2, 3, 1\)"),
        (PICTURES[0], r"shape \[16, 16, 3\], expected \(B, H, W, 3\); for one image pass rgb\[None\]"),
        (PICTURES[None], r"shape \[1, 2, 16, 16, 3\], expected \(B, H, W, 3\)$"),
        (PICTURES[..., :1], "has 1 channels, expected 3.*repeat grey"),
        (torch.zeros(2, 16, 16, 4, dtype=torch.uint8), "has 4 channels, expected 3.*drop alpha"),
        (PICTURES[:, :4], "4 x 16 pixels.*at least 8 x 8"),
        (torch.zeros(2, 3, 16, 3, dtype=torch.uint8), "3 x 16 pixels"),  # not taken for channels first
        ([[1]], "rgb is a list; pass a numeric NumPy array"),
        (np.array(["a"]), "rgb is an array of <U1; pass a numeric"),
    ],
)
def test_wrong_pictures_are_refused_with_the_remedy(rgb: object, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        RGB.check(rgb)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_any_form_of_a_picture_converts_alike() -> None:
    x = images(20, 30)
    for form in (x, x.numpy(), Image.fromarray(x.numpy()), Image.fromarray(x.numpy()).convert("RGBA")):
        assert torch.equal(RGB.convert(form), x)
    assert torch.equal(RGB.convert([x.numpy(), Image.fromarray(x.numpy())]), torch.stack([x, x]))
    with pytest.raises(ValueError, match=r"images of sizes .*; give images of one size"):
        RGB.convert([x, x[:9]])


def test_chromaticity_hardly_changes_with_the_brightness_of_the_light() -> None:
    bright = torch.tensor([200, 120, 60], dtype=torch.uint8).expand(1, 64, 64, 3)
    seen = [channels_of(RGBSettings(), image) for image in (bright, bright // 2)]
    assert (seen[0][:, 3:] - seen[1][:, 3:]).abs().max() < 0.2
    assert (seen[0][:, :3] - seen[1][:, :3]).abs().max() > 1
    assert seen[0][0, 3:, 0, 0].argmax() == 0


def test_pictures_are_normalised_by_the_settings() -> None:
    x = images(1, 64, 64) // 4
    plain, scaled = (
        channels_of(RGBSettings(mean=(mean,) * 3, std=(std,) * 3), x) for mean, std in ((0.0, 1.0), (0.2, 0.5))
    )
    torch.testing.assert_close(scaled[:, :3], (plain[:, :3] - 0.2) / 0.5)


def test_planted_mean_and_deviation_are_found() -> None:
    rgb = torch.full((2, 8, 8, 3), 51, dtype=torch.uint8)
    rgb[0] = 153
    rgb[..., 2] = 255  # never varies
    found = RGB.fit(RGBSettings(), rgb)
    assert found.mean == pytest.approx((0.4, 0.4, 1.0))  # type: ignore[attr-defined]
    assert found.std == pytest.approx((0.2, 0.2, 1.0))  # type: ignore[attr-defined]


def test_pretrained_weights_bring_their_own_scale_of_pixels() -> None:
    settings = RGBSettings(encoder="test_resnet", weights="learned.pth")
    timms = timm.get_pretrained_cfg("test_resnet")
    assert timms is not None
    assert RGB.fit(settings, images(2, 8, 8)) == replace(settings, mean=timms.mean, std=timms.std, frozen_norm=True)


def test_jitter_is_one_gain_for_each_channel_of_each_picture() -> None:
    plain = torch.full((3, 3, 16, 16, 3), 100, dtype=torch.uint8)
    drawn = RGB.augment(RGBSettings(colour_jitter=0.2), plain, torch.Generator().manual_seed(0)).float()
    assert drawn.std((2, 3)).max() == 0  # the same over the whole of a picture
    gains = (drawn[:, :, 0, 0] / 100).log()
    assert gains.flatten().unique().numel() > 20
    assert 0.1 < gains.std() < 0.35
    bright = torch.full((1, 1, 4, 4, 3), 250, dtype=torch.uint8)
    assert RGB.augment(RGBSettings(colour_jitter=0.9), bright, torch.Generator().manual_seed(1)).max() == 255


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"std": (0.0, 1.0, 1.0)}, r"std is \(0.0, 1.0, 1.0\); give 3 numbers above 0"),
        ({"mean": ()}, r"mean is \(\); give 3 finite numbers"),
        ({"width": 20}, "width is 20; give a multiple of 8"),
        ({"size": 0}, "size is 0; give 1 to"),
        ({"blocks": -1}, "blocks is -1; give 0 to"),
        ({"lr_scale": 0.0}, "lr_scale is 0.0; give a number above 0"),
        ({"frozen_groups": -1}, "frozen_groups is -1; give 0 or more"),
        ({"frozen_groups": 1}, "frozen_groups is 1; set encoder to a timm name, or give 0"),
        ({"weights": "w.pth"}, r"weights is 'w\.pth'; set encoder to the timm name that they are of"),
        ({"colour_jitter": 1.5}, "colour_jitter is 1.5; give 0"),
        ({"spatial": "all"}, "spatial is 'all'; give none, small, backbone or both"),
        ({"spatial": "small"}, "spatial is 'small'; set encoder to a timm name, or give 'none'"),
        ({"encoder": "test_resnet", "spatial": "both"}, "frozen_groups is 0; spatial 'both' wants some"),
        ({"backbone_size": 0}, "backbone_size is 0; give 1 to"),
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict, words: str) -> None:
    with pytest.raises(ValueError, match=rf"^RGBSettings: {words}"):
        RGBSettings(**wrong)


def test_unknown_encoder_is_refused_when_it_is_built() -> None:
    with pytest.raises(ValueError, match="timm knows no model 'resnet_18'; take 'small'"):
        RGB.encoder(RGBSettings(encoder="resnet_18"), 16)


@pytest.mark.parametrize(
    ("num_groups", "stems"), [(0, ()), (1, ("conv1.", "bn1.")), (2, ("conv1.", "bn1.", "layer1."))]
)
def test_frozen_groups_of_a_timm_encoder_learn_nothing_from_the_start(num_groups: int, stems: tuple[str, ...]) -> None:
    settings = RGBSettings(encoder="test_resnet", frozen_groups=num_groups)
    encoder = RGB.encoder(settings, 16)
    RGB.start(settings, encoder)
    frozen = {name for name, p in encoder.named_parameters() if not p.requires_grad}
    of = tuple(f"backbone.model.{stem}" for stem in stems)
    assert frozen == {name for name, _ in encoder.named_parameters() if of and name.startswith(of)}


def test_by_default_channels_are_scaled_alike_about_the_middle_grey() -> None:
    assert (RGBSettings().mean, RGBSettings().std) == ((0.5,) * 3, (0.25,) * 3)


@pytest.mark.parametrize("frozen", [True, False])
def test_depthwise_kernels_learn_unless_they_are_frozen(frozen: bool) -> None:
    settings = RGBSettings(encoder="efficientnet_lite0", frozen_groups=1, frozen_depthwise=frozen)
    encoder = RGB.encoder(settings, 8)
    assert RGB.start
    RGB.start(settings, encoder)
    kernels = [m.weight for m in encoder.modules() if isinstance(m, nn.Conv2d) and m.groups == m.in_channels > 1]
    assert len(kernels) > 3
    assert kernels[-1].requires_grad is not frozen


def test_an_encoder_starts_from_the_weights_that_are_named(tmp_path: Path) -> None:
    learned = {name: torch.full_like(x, 2) for name, x in timm.create_model("test_resnet").state_dict().items()}
    save_file(learned, tmp_path / "learned.safetensors")
    settings = RGBSettings(encoder="test_resnet", weights=str(tmp_path / "learned.safetensors"))
    encoder = RGB.encoder(settings, 16)
    assert RGB.start
    RGB.start(settings, encoder)
    own = encoder.backbone.model.state_dict()  # type: ignore[union-attr]
    assert len(own) > 10
    assert all((x == 2).all() for x in own.values())
