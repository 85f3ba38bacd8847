"""Scales are those of the sample, planted here."""

import pytest
import torch

from smcrep.geometry.action import ACTION_DIM
from smcrep.models import ModelConfig, fit_scales
from smcrep.models.scales import NUM_UNSCALED
from smcrep.senses import PointsSettings


def test_planted_scales_are_found() -> None:
    g = torch.Generator().manual_seed(0)
    actions = 3 + 2 * torch.randn(20_000, ACTION_DIM, generator=g)
    actions[:, -1] = 0.5  # never varies
    directions = torch.nn.functional.normalize(torch.randn(50, 1000, 3, generator=g), dim=-1)
    rgb = torch.full((2, 4, 4, 3), 51, dtype=torch.uint8)
    rgb[0] = 153
    config = fit_scales(
        ModelConfig(),
        actions=actions,
        physics=torch.randn(20_000, 6, generator=g) * 5 - 1,
        senses={"points": 0.07 * directions + torch.tensor([0.0, 1.0, 5.0]), "rgb": rgb},
    )
    assert config.action_mean[:NUM_UNSCALED] == (0,) * NUM_UNSCALED
    assert config.action_std[:NUM_UNSCALED] == (1,) * NUM_UNSCALED
    assert config.action_mean[NUM_UNSCALED:-1] == pytest.approx([3] * 9, abs=0.1)
    assert config.action_std[NUM_UNSCALED:-1] == pytest.approx([2] * 9, abs=0.1)
    assert (config.action_mean[-1], config.action_std[-1]) == (0.5, 1)
    assert config.physics_std == pytest.approx([5] * 6, abs=0.15)
    assert config.senses["points"].scale_m == pytest.approx(0.07, rel=0.01)
    assert config.senses["rgb"].mean == pytest.approx([0.4] * 3)
    assert config.senses["rgb"].std == pytest.approx([0.2] * 3)


def test_what_is_not_given_stays() -> None:
    config = ModelConfig(senses={"rgb": None, "points": PointsSettings(scale_m=0.3)})
    assert fit_scales(config) == config
    found = fit_scales(config, senses={"rgb": torch.zeros(1, 8, 8, 3, dtype=torch.uint8)})
    assert found.senses["points"] == config.senses["points"]
    assert found.senses["rgb"].mean == (0, 0, 0)
    assert found.names == config.names


def test_all_numbers_of_an_augmentation_are_scaled() -> None:
    config = fit_scales(ModelConfig(action_dim=5, predictor="mlp"), actions=torch.arange(20.0).view(4, 5))
    assert config.action_mean == (7.5, 8.5, 9.5, 10.5, 11.5)
