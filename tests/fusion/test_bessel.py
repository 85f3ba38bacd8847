"""Log-Bessel functions against mpmath's arbitrary precision, from a circle to 512 dimensions."""

import mpmath
import pytest
import torch

from smcrep.fusion.bessel import log_bessel_i, log_bessel_ratio


@pytest.mark.parametrize("dim", [2, 3, 4, 17, 64, 127, 128, 256, 512])
@pytest.mark.parametrize("x", [1e-3, 0.5, 5.0, 80.0, 1e3, 1e6])
def test_equals_arbitrary_precision(dim: int, x: float) -> None:
    order = dim / 2 - 1
    with mpmath.workdps(60):
        low, high = mpmath.log(mpmath.besseli(order, x)), mpmath.log(mpmath.besseli(order + 1, x))
    at = torch.tensor(x, dtype=torch.float64)
    assert log_bessel_i(order, at).item() == pytest.approx(float(low), rel=1e-12, abs=1e-11)
    assert log_bessel_ratio(order, at).item() == pytest.approx(float(high - low), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("order", [0.0, 63.0, 255.0])
def test_slope_is_the_ratio_plus_order_over_x(order: float) -> None:
    """d/dx log I_v(x) = I_{v+1} / I_v + v / x (DLMF 10.29.2)."""
    x = torch.tensor([0.1, 3.0, 500.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(log_bessel_i(order, x).sum(), x)
    torch.testing.assert_close(slope, log_bessel_ratio(order, x.detach()).exp() + order / x.detach(), rtol=1e-7, atol=0)
