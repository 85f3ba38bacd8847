"""Model folders of smcrep 0.1 load and embed as they did; folders of any other version are one line."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import smcrep
from smcrep.models import ModelConfig, SensorimotorModel
from smcrep.models.weights import CONFIG, WEIGHTS
from smcrep.senses import PointsSettings, RGBSettings
from smcrep.senses.version_2 import upgrade_config, upgrade_name
from tests.senses.samples import sample

CHANGED = ModelConfig(
    senses={
        "rgb": RGBSettings(size=24, width=24, blocks=1, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6)),
        "points": PointsSettings(encoder="dgcnn", scale_m=0.2),
    },
    trunk_dim=16,
    invariant_dim=8,
    num_vectors=1,
    num_tensors=1,
    physics_mean=(0.5,) * 6,
    physics_std=(2.0,) * 6,
)


def old_record(config: ModelConfig) -> dict[str, Any]:
    """What smcrep 0.1 wrote of the same model."""
    rgb, points = config.senses.get("rgb", RGBSettings()), config.senses.get("points", PointsSettings())
    record = {name: value for name, value in config.to_json().items() if name != "senses"}
    return record | {
        "version": 2,
        "senses": list(config.names),
        "rgb_encoder": rgb.encoder,
        "rgb_size": rgb.size,
        "rgb_width": rgb.width,
        "rgb_blocks": rgb.blocks,
        "rgb_mean": list(rgb.mean),
        "rgb_std": list(rgb.std),
        "rgb_frozen_norm": rgb.frozen_norm,
        "points_encoder": points.encoder,
        "points_scale_m": points.scale_m,
    }


def save_old(config: ModelConfig, folder: Path) -> SensorimotorModel:
    """A model, and its folder as smcrep 0.1 would have written it."""
    torch.manual_seed(0)
    model = smcrep.build_model(config).eval()
    model.save_pretrained(folder)
    record = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(record | {"config": old_record(config)}))
    old_names = {".invariant.": ".what.", ".equivariant.": ".where."}
    weights = {}
    for name, tensor in load_file(folder / WEIGHTS).items():
        if name.startswith("encoders."):
            for now, before in old_names.items():
                name = name.replace(now, before)
        weights[name] = tensor
    assert any(".what." in name for name in weights)
    assert any(".where." in name for name in weights)
    save_file(weights, folder / WEIGHTS)
    return model


@pytest.mark.parametrize(
    "config",
    [
        CHANGED,
        ModelConfig(senses=("rgb",), trunk_dim=16),  # type: ignore[arg-type]
        ModelConfig(senses=("points", "rgb"), trunk_dim=16),  # type: ignore[arg-type]
    ],
    ids=lambda c: "+".join(c.names),
)
def test_old_folder_loads_and_embeds_equally(config: ModelConfig, tmp_path: Path) -> None:
    model = save_old(config, tmp_path)
    loaded = smcrep.from_pretrained(tmp_path)
    assert loaded.config == config
    given = {name: sample(name, 3) for name in config.names}
    assert torch.equal(loaded.embed(**given).fused, model.embed(**given).fused)
    assert torch.equal(loaded.embed(**given).weight, model.embed(**given).weight)


def test_old_folder_saved_again_is_of_this_version(tmp_path: Path) -> None:
    save_old(CHANGED, tmp_path / "old")
    smcrep.from_pretrained(tmp_path / "old").save_pretrained(tmp_path / "new")
    assert json.loads((tmp_path / "new" / CONFIG).read_text())["config"] == CHANGED.to_json()
    assert not [name for name in load_file(tmp_path / "new" / WEIGHTS) if ".what." in name or ".where." in name]


@pytest.mark.parametrize("version", [1, 99, None, "2"])
def test_folder_of_another_version_is_one_line(version: object, tmp_path: Path) -> None:
    save_old(CHANGED, tmp_path)
    record = json.loads((tmp_path / CONFIG).read_text())
    record["config"]["version"] = version
    (tmp_path / CONFIG).write_text(json.dumps(record))
    with pytest.raises(
        ValueError, match=rf"config\.json: .*version {version!r} and this smcrep reads 2 and 3;"
    ) as caught:
        smcrep.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"senses": ["smell"]}, "senses"),
        ({"senses": 3}, "senses is 3"),
        ({"rgb_width": 20}, "width is 20"),
        ({"rgb_size": None}, "size"),
        ({"points_scale_m": "x"}, "scale_m"),
        ({"rgb_sizee": 3}, "unknown field 'rgb_sizee'"),
    ],
)
def test_damaged_old_record_is_one_line(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        ModelConfig.from_json(old_record(CHANGED) | change)
    assert "\n" not in str(caught.value)


def test_record_and_names_of_this_version_stay_as_they_are() -> None:
    record = old_record(CHANGED)
    before = json.dumps(record)
    upgrade_config(record)
    assert json.dumps(record) == before
    assert upgrade_name("heads.rgb.invariant.0.weight") == "heads.rgb.invariant.0.weight"
