"""The layer between a backbone and a belief head."""

import torch

from smcrep.encoders.trunk import trunk


def test_trunk_maps_the_last_axis_whatever_the_scale_of_its_input() -> None:
    layers, x = trunk(6, 4), torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        layers[0].bias.zero_()  # type: ignore[union-attr, operator]
    assert layers(x).shape == (2, 3, 4)
    torch.testing.assert_close(layers(1000 * x), layers(x), atol=1e-3, rtol=0)
