"""Weights learned elsewhere arrive whole, from any file that holds tensors alone, and are refused otherwise."""

import tracemalloc
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from smcrep.hub import build_model
from smcrep.models import ModelConfig
from smcrep.models import pretrained as module
from smcrep.models.pretrained import freeze_groups, load_image_weights, pretrained_inputs, read_image_weights

CONFIG = ModelConfig(senses=("rgb",), rgb_encoder="test_resnet", trunk_dim=16, predictor_hidden=16)


def learned() -> dict[str, Tensor]:
    torch.manual_seed(1)
    return timm.create_model("test_resnet").state_dict()


def backbone(model: nn.Module) -> nn.Module:
    return model.encoders["rgb"].backbone  # type: ignore[index, union-attr, return-value]


def write(folder: Path, weights: dict[str, Tensor], form: str) -> Path:
    path = folder / ("w.safetensors" if form == "safetensors" else "w.pth")
    if form == "safetensors":
        save_file(weights, path)
    else:
        nested = {"state_dict": {f"module.{name}": t for name, t in weights.items()}, "epoch": 3}
        torch.save(weights if form == "torch" else nested, path)
    return path


@pytest.mark.parametrize("form", ["safetensors", "torch", "nested"])
def test_every_kept_tensor_is_that_of_the_file(form: str, tmp_path: Path) -> None:
    model, weights = build_model(CONFIG), learned()
    head = [p.clone() for p in model.encoders["rgb"].where.parameters()]  # type: ignore[union-attr]
    load_image_weights(model, write(tmp_path, weights, form))
    own = backbone(model).model.state_dict()  # type: ignore[union-attr]
    assert own.keys() < weights.keys()  # the classifier at least is not kept
    assert all(torch.equal(own[name], weights[name]) for name in own)
    assert all(map(torch.equal, head, model.encoders["rgb"].where.parameters()))  # type: ignore[union-attr]


def test_timm_computes_the_same_map() -> None:
    model, weights = build_model(CONFIG), learned()
    load_image_weights(model, weights)
    whole = timm.create_model("test_resnet")
    whole.load_state_dict(weights)
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    ours = backbone(model).eval()
    expected = whole.eval().forward_intermediates(x, [ours.index], intermediates_only=True)[0]  # type: ignore[operator]
    torch.testing.assert_close(ours(x)[-1], expected)


def test_from_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = timm.create_model("test_resnet")
    monkeypatch.setattr(module, "_from_hub", lambda *_: whole)
    model = build_model(CONFIG)
    load_image_weights(model, "timm")
    own = backbone(model).model.state_dict()  # type: ignore[union-attr]
    assert all(torch.equal(own[name], whole.state_dict()[name]) for name in own)


def test_a_hub_out_of_reach_costs_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> nn.Module:
        raise OSError("no route to host\nand much more")

    monkeypatch.setattr(module, "timm_model", unreachable)
    with pytest.raises(ValueError, match=r"could not fetch those of 'test_resnet' \(no route to host\); give a file"):
        load_image_weights(build_model(CONFIG), "timm")


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save(nn.Linear(2, 2), path)  # a pickled object, as many checkpoints are
    with pytest.raises(ValueError, match="cannot be read as tensors alone"):
        read_image_weights(path)


def test_a_pickle_that_declares_gigabytes_is_refused_before_memory(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"X" * 116)  # "a string of 0x58585858 bytes follows"
    tracemalloc.start()
    with pytest.raises(ValueError, match="cannot be read as tensors alone"):
        read_image_weights(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 100_000_000


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no file .*; give a .safetensors or .pth file, or 'timm'"),
        (b"abc", "cannot be read"),
        ({}, "no state dict"),
    ],
)
def test_other_files_are_refused(content: object, words: str, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(ValueError, match=words):
        read_image_weights(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.pop(next(iter(w))), "lacks"),
        (lambda w: w.update({next(iter(w)): torch.zeros(1)}), r"has shape \[1\], test_resnet at 64 pixels wants"),
        (lambda w: w.update(extra=torch.zeros(1)), "unknown tensor 'extra'"),
    ],
)
def test_weights_of_another_model_are_refused(change, words: str) -> None:
    weights = dict(learned())
    change(weights)
    with pytest.raises(ValueError, match=words):
        load_image_weights(build_model(CONFIG), weights)


@pytest.mark.parametrize("config", [ModelConfig(), ModelConfig(senses=("points",))])
def test_a_model_without_timm_encoder_is_told(config: ModelConfig) -> None:
    with pytest.raises(ValueError, match="no timm encoder"):
        load_image_weights(build_model(config), {})
    with pytest.raises(ValueError, match=r"rgb_encoder is 'small'; pretrained weights are for a name"):
        pretrained_inputs(config)


def test_inputs_are_those_timm_names() -> None:
    found = pretrained_inputs(ModelConfig(rgb_encoder="tf_efficientnet_lite0"))
    assert (found.rgb_mean, found.rgb_std, found.rgb_frozen_norm) == ((0.5,) * 3, (0.5,) * 3, True)
    found = pretrained_inputs(ModelConfig(rgb_encoder="resnet18"))
    assert found.rgb_mean == (0.485, 0.456, 0.406)


def test_frozen_groups_get_no_gradient() -> None:
    model = build_model(CONFIG)
    freeze_groups(model, 2)
    encoder = model.encoders["rgb"]
    sum(encoder(torch.zeros(2, 64, 64, 3, dtype=torch.uint8))).square().sum().backward()  # both trunks
    learns = {name.split(".")[0] for name, p in backbone(model).model.named_parameters() if p.grad is not None}  # type: ignore[union-attr]
    frozen = {name.split(".")[0] for name, p in backbone(model).model.named_parameters() if p.grad is None}  # type: ignore[union-attr]
    assert "layer1" in frozen
    assert learns
    assert not learns & frozen
    assert not learns & {"conv1", "bn1"}
