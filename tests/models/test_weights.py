"""What is saved is loaded and gives the same; what is damaged is named."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from smcrep.fusion import equal_precision, precision_weighted
from smcrep.hub import build_model
from smcrep.models import ModelConfig, SensorimotorModel
from smcrep.models.weights import CONFIG, WEIGHTS, read_config

SMALL = ModelConfig(
    trunk_dim=8, invariant_dim=4, num_vectors=2, num_tensors=0, physics_mean=(0.1,) * 6, physics_std=(3.0,) * 6
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    SensorimotorModel(SMALL, precision_weighted).save_pretrained(tmp_path / "a" / "b", {"commit": "abc"})
    return tmp_path / "a" / "b"


def load(folder: Path) -> SensorimotorModel:
    return SensorimotorModel.from_pretrained(folder, precision_weighted)


def test_two_files_and_no_pickle(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == [CONFIG, WEIGHTS]
    assert read_config(folder) == (SMALL, {"commit": "abc"})


def test_saving_again_replaces(folder: Path) -> None:
    model = SensorimotorModel(SMALL, precision_weighted)
    model.save_pretrained(folder)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), load(folder).parameters(), strict=True))
    assert read_config(folder)[1] == {}


def test_provenance_that_is_no_json_leaves_the_folder_as_it_was(folder: Path) -> None:
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(TypeError, match="not JSON serializable"):
        SensorimotorModel(SMALL, precision_weighted).save_pretrained(folder, {"x": object()})
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_the_fusion_rule_is_the_callers(folder: Path) -> None:
    model = SensorimotorModel.from_pretrained(folder, equal_precision)
    assert model.fuse is equal_precision
    assert not model.training


def edit(folder: Path, **changes) -> None:
    record = json.loads((folder / CONFIG).read_text())
    record["config"] |= changes
    (folder / CONFIG).write_text(json.dumps(record))


def rewrite(folder: Path, change) -> None:
    weights = load_file(folder / WEIGHTS)
    change(weights)
    save_file(weights, folder / WEIGHTS)


@pytest.mark.situation
@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_names_of_a_wrapped_model_are_read(folder: Path, prefix: str) -> None:
    plain = load(folder).state_dict()
    rewrite(folder, lambda w: [w.update({prefix + name: w.pop(name)}) for name in list(w)])
    assert all(torch.equal(plain[name], tensor) for name, tensor in load(folder).state_dict().items())


@pytest.mark.situation
@pytest.mark.parametrize("encoder", ["coat_lite_tiny", "test_efficientnet"])
def test_any_image_encoder_is_saved_and_loaded(tmp_path: Path, encoder: str) -> None:
    """CoaT shares tensors between its parts; BatchNorm's counters may be absent from a file."""
    model = build_model(replace(SMALL, senses={"rgb": {"encoder": encoder}})).eval()
    model.save_pretrained(tmp_path)
    rewrite(tmp_path, lambda w: [w.pop(name) for name in list(w) if name.endswith("num_batches_tracked")])
    images = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    assert torch.equal(load(tmp_path).embed(rgb=images).fused, model.embed(rgb=images).fused)
    places = [tensor.data_ptr() for tensor in model.state_dict().values() if tensor.numel()]
    assert (len(set(places)) < len(places)) == (encoder == "coat_lite_tiny")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / CONFIG).unlink(), "no config.json in .*b; give a folder written by save_pretrained"),
        (lambda f: (f / CONFIG).write_text("{"), "config.json is not JSON"),
        (lambda f: (f / CONFIG).write_bytes(b"\xff\xfe\x00"), "config.json is not JSON"),
        (lambda f: (f / CONFIG).write_text('{"model_type": "bert"}'), "is not a model of smcrep"),
        (lambda f: (f / CONFIG).write_text("[]"), "is not a model of smcrep"),
        (lambda f: edit(f, version=7), "config.json: .*version 7 and this smcrep reads 2 and 3"),
        (lambda f: edit(f, trunk_dims=7), "config.json: .*unknown field 'trunk_dims'; did you mean 'trunk_dim'"),
        (lambda f: edit(f, trunk_dim="8"), "config.json: .*trunk_dim: it is '8'"),
        (lambda f: (f / WEIGHTS).unlink(), "no model.safetensors in .*; save the model again"),
        (lambda f: (f / WEIGHTS).write_bytes(b""), "model.safetensors cannot be read .*cut or damaged"),
        (lambda f: (f / WEIGHTS).write_bytes(b"\x80\x04junkjunkjunkjunk"), "cannot be read .*cut or damaged"),
        (lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:-9]), "cannot be read .*cut or damaged"),
        (lambda f: rewrite(f, lambda w: w.pop("projector.0.bias")), "lacks tensor 'projector.0.bias'"),
        (lambda f: rewrite(f, lambda w: w.update(extra=torch.zeros(1))), "has an unknown tensor 'extra'"),
        (lambda f: edit(f, projector_dim=9), r"tensor 'projector.2.\w+' is \[\d+.* config.json makes it"),
        (
            lambda f: rewrite(f, lambda w: w.update({"projector.0.bias": w["projector.0.bias"].half()})),
            "'projector.0.bias' is torch.float16",
        ),
    ],
)
def test_damage_is_named_in_one_line(folder: Path, damage, words: str) -> None:
    damage(folder)
    with pytest.raises(ValueError, match=words) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
