"""Tokens of clouds: what is pooled over points, for every encoder of clouds."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from smcrep.extraction.tokens import POINT_TOKENS, token_maps
from smcrep.hub import build_model
from smcrep.senses.points import ENCODERS
from tests.training.synthetic import tiny_recipe


@pytest.mark.parametrize("name", ENCODERS)
def test_the_maximum_over_tokens_is_what_the_backbone_says(name: str) -> None:
    torch.manual_seed(0)
    config = tiny_recipe().model
    points = replace(config.senses["points"], encoder=name)
    model = build_model(replace(config, senses=dict(config.senses) | {"points": points})).eval()
    said: list[Tensor] = []
    model.encoders["points"].backbone.register_forward_hook(lambda _m, _i, out: said.append(out))  # type: ignore[union-attr,operator]
    clouds = 0.05 * torch.randn(3, POINT_TOKENS, 3) + torch.tensor([0.0, 0.0, 0.5])
    _, tokens = token_maps(model, {"points": clouds}, ["points"])
    assert tokens["points"].shape == (3, POINT_TOKENS, 256)
    torch.testing.assert_close(tokens["points"].amax(1), said[0])
