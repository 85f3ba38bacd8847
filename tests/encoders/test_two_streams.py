"""Two streams share frozen stages alone: each learns by itself, and the equivariant one depends on places."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from smcrep.encoders.timm_map import TimmMap
from smcrep.encoders.two_streams import TwoStreamEncoder
from smcrep.hub import build_model, from_pretrained, save_pretrained
from smcrep.models import ModelConfig
from smcrep.senses import RGB, RGBSettings

SETTINGS = RGBSettings(
    encoder="test_resnet", spatial="both", frozen_groups=2, backbone_size=64, size=32, width=8, frozen_norm=True
)
SPATIAL = ("small", "backbone", "both")


def encoder(trunk_dim: int = 16, **changes: object) -> TwoStreamEncoder:
    settings = replace(SETTINGS, **changes)  # type: ignore[arg-type]
    of = RGB.encoder(settings, trunk_dim)
    RGB.start(settings, of)
    assert isinstance(of, TwoStreamEncoder)
    return of


def images(num: int = 2) -> Tensor:
    return torch.randint(0, 256, (num, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def reached(of: TwoStreamEncoder, part: int) -> set[str]:
    """Children that the gradient of one of the two parts reaches, stages of the backbone by their own names."""
    of.zero_grad()
    of(images())[part].square().sum().backward()
    names = [name for name, p in of.named_parameters() if p.grad is not None]
    return {n.split(".")[2] if n.startswith("backbone.") else n.split(".")[0] for n in names}


@pytest.mark.parametrize("spatial", SPATIAL)
def test_each_stream_learns_by_itself(spatial: str) -> None:
    of = encoder(spatial=spatial)
    own = {"small": {"small"}, "backbone": {"middle"}, "both": {"small", "middle"}}[spatial]
    assert reached(of, 0) == {"layer2", "layer3", "regions", "invariant"}
    assert reached(of, 1) == {*own, "equivariant"}


def test_all_that_is_not_frozen_learns() -> None:
    of = encoder()
    of.zero_grad()
    sum(part.square().sum() for part in of(images())).backward()  # type: ignore[union-attr]
    idle = {name for name, p in of.named_parameters() if p.grad is None}
    assert idle == {name for name, p in of.named_parameters() if not p.requires_grad}
    assert {name.split(".")[2] for name in idle} == {"conv1", "bn1", "layer1"}


@pytest.mark.parametrize("spatial", SPATIAL)
def test_what_was_prepared_stands_for_the_frozen_stages(spatial: str) -> None:
    of, x = encoder(spatial=spatial).train(), images()
    for found, expected in zip(of(x, of.frozen(x)), of(x), strict=True):
        torch.testing.assert_close(found, expected)
    elsewhere = of(x, of.frozen(255 - x))
    assert not torch.allclose(elsewhere[0], of(x)[0], atol=1e-3)
    assert torch.allclose(elsewhere[1], of(x)[1]) == (spatial == "small")


@pytest.mark.parametrize("spatial", SPATIAL)
def test_a_linear_map_of_the_equivariant_part_tells_the_place(spatial: str) -> None:
    """Of a bright square, by random networks, at places that the map was not fitted on."""
    generator = torch.Generator().manual_seed(0)
    corners = torch.randint(2, 23, (480, 2), generator=generator)
    pictures = torch.full((480, 32, 32, 3), 60, dtype=torch.uint8)
    for picture, (row, column) in zip(pictures, corners.tolist(), strict=True):
        picture[row : row + 8, column : column + 8] = 220
    places = (corners.double() - corners.double().mean(0)) / corners.double().std(0)
    with torch.no_grad():
        features = encoder(32, spatial=spatial).eval()(pictures)[1].double()
    features = torch.cat([features - features[:400].mean(0), torch.ones(480, 1)], 1)
    gram = features[:400].T @ features[:400] + 0.1 * torch.eye(features.shape[1])
    fitted = torch.linalg.solve(gram, features[:400].T @ places[:400])
    error = (features[400:] @ fitted - places[400:]).square().mean() / places[400:].square().mean()
    assert error < 0.25  # 1: the mean place


def test_nothing_frozen_is_trained_whole_beside_the_small_network() -> None:
    of = encoder(spatial="small", frozen_groups=0)
    assert not of.has_frozen
    assert RGB.prepare(SETTINGS, of) is None
    assert {"conv1", "layer1", "layer2", "layer3"} <= reached(of, 0)


@pytest.mark.parametrize("name", ["test_vit", "test_convnext", "test_efficientnet"])
def test_any_timm_model_frozen_whole(name: str) -> None:
    of = encoder(encoder=name, frozen_groups=1000)
    assert [part.shape for part in of(images())] == [(2, 16)] * 2
    assert reached(of, 0) == {"regions", "invariant"}


def test_a_saved_model_gives_the_same(tmp_path: Path) -> None:
    model = build_model(ModelConfig(senses={"rgb": SETTINGS}, trunk_dim=16))
    save_pretrained(model, tmp_path)
    loaded = from_pretrained(tmp_path)
    assert loaded.config == model.config
    assert torch.equal(loaded.embed(rgb=images()).fused, model.embed(rgb=images()).fused)
    assert torch.equal(model.half().embed(rgb=images(0)).fused, torch.zeros(0, model.config.embed_dim))


def test_settings_that_were_saved_before_mean_one_stream() -> None:
    """Names and shapes of tensors too: folders of models load as they did."""
    before = {"encoder": "test_resnet", "size": 64, "frozen_groups": 2}
    record = ModelConfig(senses={"rgb": RGBSettings(**before)}, trunk_dim=16).to_json()
    saved = {name: value for name, value in record["senses"]["rgb"].items() if name not in ("spatial", "backbone_size")}
    config = ModelConfig.from_json({**record, "senses": {"rgb": saved}})
    assert config.senses["rgb"] == RGBSettings(**before)
    names = {name.split(".")[2] for name in build_model(config).state_dict() if name.startswith("encoders.rgb.")}
    assert names == {"backbone", "regions", "invariant", "equivariant"}


def test_a_strided_depthwise_convolution_keeps_float32_where_a_cpu_computes_in_bfloat16() -> None:
    backbone = TimmMap("tf_efficientnet_lite0", 64)
    strided = [m for m in backbone.model.modules() if isinstance(m, torch.nn.Conv2d) and m.groups > 1 < m.stride[0]]
    assert len(strided) >= 3
    dtypes: list[torch.dtype] = []
    for module in strided:
        module.register_forward_hook(lambda _module, _input, output: dtypes.append(output.dtype))
    pictures = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        plain = backbone.eval()(pictures)[0]
        with torch.autocast("cpu", torch.bfloat16):
            mixed = backbone(pictures)[0]
    assert set(dtypes) == {torch.float32}
    assert (mixed - plain).abs().max() < 0.1 * plain.abs().max()
