"""The configuration reads back what it wrote, and names what it does not know."""

import json

import pytest

from smcrep.models import ModelConfig


@pytest.mark.parametrize(
    "config",
    [ModelConfig(), ModelConfig(senses=("points",), physics_mean=(0.1,) * 6, physics_std=(2.0,) * 6, use_action=False)],
)
def test_json_round_trip(config: ModelConfig) -> None:
    assert ModelConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_defaults_make_254_numbers() -> None:
    assert (ModelConfig().equivariant_dim, ModelConfig().embed_dim) == (126, 254)


def test_lists_and_integers_of_a_command_line_are_taken() -> None:
    config = ModelConfig(senses=["rgb"], points_scale_m=1)  # type: ignore[arg-type]
    assert config.senses == ("rgb",)
    assert isinstance(config.points_scale_m, float)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 99}, "version 99.*reads 2"),
        ({"trunk_dims": 3}, "unknown field 'trunk_dims'; did you mean 'trunk_dim'"),
        ({"zzz": 3}, "unknown field 'zzz'; known are senses"),
    ],
)
def test_foreign_records(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ModelConfig.from_json(ModelConfig().to_json() | change)


def test_a_record_without_version() -> None:
    with pytest.raises(ValueError, match="version None"):
        ModelConfig.from_json({"trunk_dim": 8})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"senses": ("smell",)}, "senses is .*choose each at most once from"),
        ({"senses": ()}, "senses"),
        ({"senses": ("rgb", "rgb")}, "at most once"),
        ({"senses": "rgb"}, "senses is 'rgb'; give a sequence"),
        ({"predictor": "magic"}, "predictor is 'magic'; choose one of group_residual"),
        ({"points_encoder": "x"}, "points_encoder"),
        ({"fusion": "x"}, "fusion is 'x'; choose one of precision, equal"),
        (
            {"num_vectors": 0, "num_tensors": 0},
            "num_vectors is 0 and num_tensors 0; give 0 or more of each, and at least 1",
        ),
        ({"trunk_dim": "256"}, "trunk_dim is '256'; give a value of type int"),
        ({"use_action": 1}, "use_action is 1; give a value of type bool"),
        ({"action_mean": (0.0,) * 3, "action_std": (1.0,) * 3}, "action_mean has 3 and action_std 3 numbers; give 24"),
        ({"physics_std": (1.0,) * 6}, "physics_mean has 0 and physics_std 6"),
        ({"rgb_std": (0.0, 1.0, 1.0)}, "rgb_std above 0"),
        ({"rgb_mean": (), "rgb_std": ()}, "rgb_mean has 0 and rgb_std 0 numbers; give 3"),
        ({"points_scale_m": 0.0}, "points_scale_m is 0.0; give metres above 0"),
        ({"points_scale_m": float("nan")}, "points_scale_m is nan"),
    ],
)
def test_wrong_values_are_named(fields: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ModelConfig(**fields)
