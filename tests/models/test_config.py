"""The configuration reads back what it wrote, and names what it does not know."""

import json

import pytest

from smcrep.models import ModelConfig
from smcrep.senses import SENSES, DepthSettings, PointsSettings, RGBSettings


@pytest.mark.parametrize(
    "config",
    [
        ModelConfig(),
        ModelConfig(senses=tuple(SENSES)),  # type: ignore[arg-type]
        ModelConfig(
            senses={"points": PointsSettings(scale_m=0.2), "depth": DepthSettings(size=8)},
            physics_mean=(0.1,) * 6,
            physics_std=(2.0,) * 6,
            use_action=False,
        ),
    ],
)
def test_json_round_trip(config: ModelConfig) -> None:
    assert ModelConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_defaults_make_254_numbers() -> None:
    assert (ModelConfig().equivariant_dim, ModelConfig().embed_dim) == (126, 254)


def test_senses_are_named_or_given_with_settings() -> None:
    default = {"rgb": RGBSettings(), "points": PointsSettings()}
    for senses in (default, ("rgb", "points"), ["rgb", "points"], dict.fromkeys(default), {"rgb": {}, "points": {}}):
        config = ModelConfig(senses=senses)  # type: ignore[arg-type]
        assert config.senses == default
        assert config.names == ("rgb", "points")
    assert ModelConfig() == ModelConfig(senses=default)
    assert ModelConfig(senses={"points": {"scale_m": 1}}).senses["points"] == PointsSettings(scale_m=1.0)


def test_configuration_keeps_settings_of_its_own() -> None:
    given = {"rgb": RGBSettings()}
    config = ModelConfig(senses=given)
    given["rgb"] = RGBSettings(size=8)
    assert config.senses == {"rgb": RGBSettings()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 99}, "version 99 and this smcrep reads 2 and 3"),
        ({"version": 1}, "version 1 and this smcrep reads 2 and 3"),
        ({"trunk_dims": 3}, "unknown field 'trunk_dims'; did you mean 'trunk_dim'"),
        ({"zzz": 3}, "unknown field 'zzz'; known are senses"),
    ],
)
def test_records_of_another_version_or_with_unknown_fields_are_refused(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ModelConfig.from_json(ModelConfig().to_json() | change)


def test_record_without_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version None"):
        ModelConfig.from_json({"trunk_dim": 8})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"senses": ("smell",)}, "there is no sense 'smell', only rgb, points"),
        ({"senses": ()}, r"senses is \{\}; give at least one of rgb, points"),
        ({"senses": {}}, r"senses is \{\}; give at least one of rgb, points"),
        ({"senses": ("rgb", "rgb")}, r"senses is \('rgb', 'rgb'\); give each sense once"),
        ({"senses": "rgb"}, "senses is 'rgb'; give at least one of rgb, points"),
        ({"senses": {"rgb": PointsSettings()}}, r"senses\['rgb'\] is PointsSettings; give RGBSettings"),
        ({"senses": {"rgb": 3}}, r"senses\['rgb'\] is int; give RGBSettings"),
        ({"senses": {"rgb": {"sizes": 3}}}, r"senses.rgb: unknown field 'sizes'; did you mean 'size'"),
        ({"predictor": "magic"}, "predictor is 'magic'; choose one of group_residual"),
        (
            {"senses": {"points": {"encoder": "x"}}},
            "encoder is 'x'; choose one of pointnet, pointnet2, dgcnn, point_transformer",
        ),
        (
            {"num_vectors": 0, "num_tensors": 0},
            "num_vectors is 0 and num_tensors 0; give 0 or more of each, and at least 1",
        ),
        ({"trunk_dim": "256"}, "trunk_dim is '256'; give an integer of 1 to"),
        ({"trunk_dim": 0}, "trunk_dim is 0; give an integer of 1 to"),
        ({"num_vectors": -1}, "num_vectors is -1 and num_tensors 8; give 0 or more"),
        ({"action_mean": (0.0,) * 3, "action_std": (1.0,) * 3}, "action_mean has 3 and action_std 3 numbers; give 24"),
        ({"physics_std": (1.0,) * 6}, "physics_mean has 0 and physics_std 6"),
        (
            {"physics_mean": (float("nan"),) * 6, "physics_std": (1.0,) * 6},
            "physics_std must be finite",
        ),
        ({"physics_mean": (0.0,) * 6, "physics_std": (0.0,) * 6}, "physics_std above 0"),
    ],
)
def test_wrong_values_are_named(fields: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        ModelConfig(**fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trunk_dim": "8"}, "trunk_dim: it is '8'; give a value of type int"),
        ({"use_action": 1}, "use_action: it is 1; give a value of type bool"),
        ({"action_mean": 3}, "action_mean: it is 3; give a sequence"),
    ],
)
def test_record_with_values_of_another_type_is_refused(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=rf"^model configuration\.{words}"):
        ModelConfig.from_json(ModelConfig().to_json() | change)
