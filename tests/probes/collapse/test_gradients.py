"""Gradients of models that are small enough to differentiate by hand."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from smcrep.probes.collapse.gradients import SpeedMeter, fisher_trace, gradient_share, gramian, speed


def parameter(*values: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values))


def test_speed_is_the_squared_gradient_over_the_squared_weight() -> None:
    """loss = 3 w1 + 4 w2 at w = (1, 2): 25 / 5."""
    w = parameter(1.0, 2.0)
    (w * torch.tensor([3.0, 4.0])).sum().backward()
    assert speed([w]) == pytest.approx(5)
    assert speed([parameter(1.0)]) == 0
    nought = parameter(0.0)
    nought.sum().backward()
    assert speed([nought]) == math.inf


def test_shares_are_relative_to_an_equal_one() -> None:
    """Speeds 9 / 1 and 4 / 4: shares 2 * 9 / 10 and 2 * 1 / 10; a signal without a gradient takes none."""
    camera, action, wind = parameter(1.0), parameter(2.0), parameter(5.0)
    (3 * camera + 2 * action).sum().backward()
    assert gradient_share({"camera": [camera], "action": [action]}) == pytest.approx({"camera": 1.8, "action": 0.2})
    assert gradient_share({"camera": [camera], "wind": [wind]}) == {"camera": 2, "wind": 0}
    assert gradient_share({"wind": [wind]}) == {"wind": 0}


def test_speeds_add_up_over_steps_and_their_ratio_is_in_powers_of_ten() -> None:
    fast, slow = parameter(1.0), parameter(1.0)
    meter = SpeedMeter({"fast": [fast], "slow": [slow]})
    for scale in (1.0, 3.0):
        fast.grad, slow.grad = torch.tensor([10 * scale]), torch.tensor([scale])
        meter.update()
    assert meter.sums == pytest.approx({"fast": 1000, "slow": 10})
    assert meter.log_ratios() == pytest.approx({"fast": 2, "slow": -2})
    still = SpeedMeter({"a": [parameter(1.0)], "b": [parameter(1.0)]})
    still.update()
    assert still.log_ratios() == {"a": 0, "b": 0}


def test_fisher_trace_of_a_logistic_model_is_p_q_x_squared() -> None:
    """p(1) = sigmoid(w x + 0 v): E over y of (y - p)^2 x^2 = p (1 - p) x^2, the mean over rows; v is not wired."""
    w, v, x = parameter(0.7), parameter(1.0), torch.linspace(-2, 2, 400)

    def log_probabilities() -> Tensor:
        logit = w * x + 0 * v
        return torch.stack([torch.zeros_like(logit), logit], 1).log_softmax(1)

    draws = [
        fisher_trace(log_probabilities, {"camera": [w], "action": [v]}, torch.Generator().manual_seed(seed))
        for seed in range(4)
    ]
    p = torch.sigmoid(0.7 * x)
    expected = float((p * (1 - p) * x**2).mean())
    assert np.mean([d["camera"] for d in draws]) == pytest.approx(expected, rel=0.08)
    assert {d["action"] for d in draws} == {0}
    assert w.grad is None


def test_gramian_holds_the_cosines_of_known_gradients() -> None:
    """Gradients (1, 0), (1, 1), (-2, 0) and none."""
    w = parameter(1.0, 1.0)
    losses = [w[0], w.sum(), -2 * w[0], torch.zeros((), requires_grad=True) * 1]
    half = 1 / math.sqrt(2)
    expected = [[1, half, -1, 0], [half, 1, -half, 0], [-1, -half, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(gramian(losses, [w]), expected, atol=1e-7)
    assert w.grad is None
