"""R2 of what can be read by a linear map, against what is known of features with planted noise."""

import numpy as np
import pytest
import torch
from torch import nn

from smcrep.probes.collapse.readability import readable, readable_by_layer


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_a_signal_in_noise_of_equal_variance_is_half_readable() -> None:
    """x = y + e: the best linear prediction of y leaves var(y) / 2."""
    y = normal(1500, 3)
    found = readable(y + normal(1500, 3, seed=1), y)
    assert found.value == pytest.approx(0.5, abs=0.05)
    assert found.ci95[0] < 0.5 < found.ci95[1]


def test_a_linear_map_is_read_fully_unrelated_numbers_and_squares_not_at_all() -> None:
    x = normal(300, 6)
    assert readable(x, x @ normal(6, 2, seed=1)).value == pytest.approx(1, abs=1e-4)
    assert readable(x, normal(300, 2, seed=2)).value == pytest.approx(0, abs=0.06)
    assert readable(x, x[:, :1] ** 2).value == pytest.approx(0, abs=0.06)


def test_rows_of_one_unit_are_never_on_both_sides() -> None:
    """The name of the unit is in the features and its value is random: nothing can be learned of another unit."""
    units = np.arange(240) // 4
    x, y = np.eye(60)[units], normal(60, 2)[units]
    assert readable(x, y).value > 0.8
    assert readable(x, y, units).value < 0.05


def test_a_signal_that_a_layer_loses_is_readable_before_it_and_not_after() -> None:
    torch.manual_seed(0)
    first, last = nn.Linear(6, 16), nn.Linear(16, 4)
    with torch.no_grad():  # the last layer reads the camera's features alone
        first.weight.zero_(), last.weight.zero_()
        first.weight[:6] = torch.eye(6)
        last.weight[:, :4] = torch.eye(4)
    network = nn.Sequential(first, nn.Identity(), last)
    batch = {"camera": torch.randn(200, 4), "action": torch.randn(200, 2)}
    found = readable_by_layer(
        network, lambda b: network(torch.cat([b["camera"], b["action"]], 1)), batch, "action", ("0", "2")
    )
    assert found["0"].value == pytest.approx(1, abs=1e-3)
    assert found["2"].value == pytest.approx(0, abs=0.05)
    assert not any(layer._forward_hooks for layer in network)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="same in all rows"):
        readable(normal(20, 2), np.ones((20, 2)))
    with pytest.raises(ValueError, match="2 units"):
        readable(normal(20, 2), normal(20, 2), np.zeros(20))
    with pytest.raises(ValueError, match="no layer 'x'"):
        readable_by_layer(nn.Sequential(nn.Linear(1, 1)), lambda b: 0, {}, "a", ("x",))


@pytest.mark.parametrize("scale", [1e-7, 1e7])
def test_the_unit_of_a_signal_does_not_matter(scale: float) -> None:
    y = normal(200, 2)
    x = y + normal(200, 2, seed=1)
    assert readable(x, scale * y).value == pytest.approx(readable(x, y).value, rel=1e-6)
