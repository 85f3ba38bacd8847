"""Modified Bessel functions of the first kind as logarithms: no order or argument overflows."""

import torch
from torch import Tensor

ORDER = 64
"""From here on the expansion for large orders is right to some 1e-13."""


def log_bessel_i(order: float, x: Tensor) -> Tensor:
    """log I_order(x) for order >= 0 and x > 0, any shape; differentiable.

    Uniform expansion for large orders (DLMF 10.41.3) at an order of `ORDER` or more, then downward by the ratios of
    neighbours I_{v+1} / I_v, which is the stable direction. d = 512 embeddings have order 255.
    """
    steps = _steps(order)
    log_i = _large_order(order + steps, x)
    for ratio in _ratios(order, steps, x):
        log_i = log_i - ratio.log()
    return log_i


def log_bessel_ratio(order: float, x: Tensor) -> Tensor:
    """log (I_{order+1}(x) / I_order(x)) for order >= 0 and x > 0."""
    return _ratios(order, max(_steps(order), 1), x)[-1].log()


def _steps(order: float) -> int:
    return max(0, int(ORDER - order) + 1)


def _ratios(order: float, steps: int, x: Tensor) -> list[Tensor]:
    """I_{v+1}(x) / I_v(x) for v = order + steps - 1 down to order, by 1 / (2 (v + 1) / x + next) (DLMF 10.29.1)."""
    top = order + steps
    ratio = torch.exp(_large_order(top + 1, x) - _large_order(top, x))
    ratios = []
    for k in range(steps):
        v = top - 1 - k
        ratio = x / (2 * (v + 1) + x * ratio)
        ratios.append(ratio)
    return ratios


def _large_order(v: float, x: Tensor) -> Tensor:
    """DLMF 10.41.3 with U_1 to U_4 of 10.41.10, z = x / v."""
    root = torch.sqrt(1 + (x / v).square())
    p = 1 / root
    eta = root + torch.log(x / v / (1 + root))
    p2 = p.square()
    u1 = p * (3 - 5 * p2) / 24
    u2 = p2 * (81 - 462 * p2 + 385 * p2**2) / 1152
    u3 = p * p2 * (30375 - 369603 * p2 + 765765 * p2**2 - 425425 * p2**3) / 414720
    u4 = p2**2 * (4465125 - 94121676 * p2 + 349922430 * p2**2 - 446185740 * p2**3 + 185910725 * p2**4) / 39813120
    series = torch.log1p(u1 / v + u2 / v**2 + u3 / v**3 + u4 / v**4)
    return v * eta - 0.5 * torch.log(2 * torch.pi * v * root) + series
