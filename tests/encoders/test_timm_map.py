"""Any timm model is a backbone: its own deepest map of 4 x 4 places, whole, and no neighbour's statistics."""

import pytest
import timm
import torch
from torch import Tensor, nn

from smcrep.encoders.timm_map import TimmMap, timm_model
from smcrep.senses import RGB, RGBSettings


def encoder(name: str, *, frozen_norm: bool = False) -> nn.Module:
    return RGB.encoder(RGBSettings(encoder=name, frozen_norm=frozen_norm), 16)


def images(*shape: int) -> Tensor:
    return torch.randint(0, 256, (*shape, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "hiera_tiny_224"])
def test_any_timm_name_encodes_and_every_parameter_learns(name: str) -> None:
    of = encoder(name)
    invariant, equivariant = of(images(2, 50, 70))
    assert invariant.shape == equivariant.shape == (2, 16)
    (invariant + equivariant).square().sum().backward()
    assert all(p.grad is not None for p in of.parameters())  # nothing idle: DDP would stop at it


def test_map_is_that_of_timm() -> None:
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


def test_backbone_trains_unless_told_otherwise() -> None:
    ours = TimmMap("test_resnet", 64)
    assert all(module.training for module in ours.modules())
    assert not any(module.training for module in ours.eval().modules())
    assert all(module.training for module in ours.train().modules())


def test_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="timm knows no model 'resnet_18'; take 'small'"):
        timm_model("resnet_18", 64)


def test_frozen_norm_keeps_its_statistics_and_a_batch_equals_its_items() -> None:
    frozen, free = (encoder("test_efficientnet", frozen_norm=f).train() for f in (True, False))
    x = images(4, 64, 64)
    for of, stays in ((frozen, True), (free, False)):
        before = {n: b.clone() for n, b in of.named_buffers()}
        out = torch.cat(of(x), -1)
        assert all(torch.equal(b, before[n]) for n, b in of.named_buffers()) == stays
        alone = torch.cat([torch.cat(of(item[None]), -1) for item in x])
        assert torch.allclose(out, alone, atol=1e-4) == stays
    norms = [m for m in frozen.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms
    assert all(p.requires_grad for m in norms for p in m.parameters())  # gain and bias still learn


@pytest.mark.situation
@pytest.mark.parametrize(
    ("name", "words"),
    [("inception_v4", "take 299 pixels"), ("crossvit_tiny_240", "take 240 pixels"), ("efficientformer_l1", "take 224")],
)
def test_model_that_takes_no_images_of_this_size_is_refused_in_one_line(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=rf"timm's '{name}' gives no maps of images of 64 pixels .*{words}") as caught:
        TimmMap(name, 64)
    assert "\n" not in str(caught.value)


def test_model_without_intermediate_maps_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smcrep.encoders.timm_map.timm_model", lambda name, size, **_: nn.Conv2d(3, 8, 3))
    with pytest.raises(ValueError, match="timm's 'flat' gives no intermediate maps; take another model"):
        TimmMap("flat", 64)
