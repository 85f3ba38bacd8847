"""The same network under two naming schemes gives the same logits."""

import pytest
import timm
import torch
from torch import Tensor, nn

from smcrep.encoders.efficientnet_lite import is_efficientnet_lite, timm_names

NAME = "tf_efficientnet_lite0"


def theirs() -> nn.Module:
    package = pytest.importorskip("efficientnet_lite_pytorch", reason="the oracle is in the extra 'dev'")
    return package.EfficientNet.from_name("efficientnet-lite0").eval()


def drawn(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every tensor away from its first value: a gain of 1 in the wrong place would not be seen."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: 0.5 + torch.rand(t.shape, generator=generator) if t.ndim == 1 and t.is_floating_point() else t
        for name, t in weights.items()
    }


@pytest.mark.parametrize("size", [64, 224])  # the package pads for 224 whatever the size; right where 32 divides it
def test_timm_computes_what_the_package_computes(size: int) -> None:
    oracle, ours = theirs(), timm.create_model(NAME).eval()
    oracle.load_state_dict(drawn(oracle.state_dict()))
    weights = oracle.state_dict()
    assert is_efficientnet_lite(weights)
    ours.load_state_dict(timm_names(weights, ours.state_dict()))  # strict: every tensor found its place
    x = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        expected, found = oracle(x), ours(x)
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_timm_names_are_left_alone() -> None:
    assert not is_efficientnet_lite(timm.create_model(NAME).state_dict())


@pytest.mark.parametrize("name", ["_blocks.99._bn1.weight", "_blocks.0._expand.weight", "_head.weight"])
def test_a_tensor_without_a_place_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=rf"'{name}' has no place in this EfficientNet-Lite"):
        timm_names({name: torch.zeros(1)}, timm.create_model(NAME).state_dict())
