"""Whether two losses pull the same parameters against each other, and the least step that serves both."""

from collections.abc import Iterable

import torch
from torch import Tensor


def gradient_cosine(first: Tensor, second: Tensor, parameters: Iterable[Tensor]) -> float:
    """Cosine of the gradients of two losses in all ``parameters`` at once; below 0 they conflict (arXiv:2001.06782,
    definition 1). A loss that a parameter does not enter has gradient 0 there; NaN where a gradient is 0 everywhere.
    Both graphs stay for a backward pass of their own."""
    parameters = list(parameters)
    flat = []
    for loss in (first, second):
        gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True, materialize_grads=True)
        flat.append(torch.cat([g.flatten().double() for g in gradients]))
    return float(flat[0] @ flat[1] / (flat[0].norm() * flat[1].norm()))


def min_norm_share(products: Tensor) -> Tensor:
    """Share of the first of two gradients in the shortest vector between them (MGDA for two losses, arXiv:1810.04650,
    eq. 5): the minimiser over 0 <= a <= 1 of |a g1 + (1 - a) g2|^2,

        a = clip((g2 - g1) . g2 / |g1 - g2|^2, 0, 1),

    along which both losses fall, or which is 0 where no step lowers both. 1/2 where the gradients are equal.

    products  [..., 2, 2], the scalar products g_i . g_j. Returns [...].
    """
    first, second, both = products[..., 0, 0], products[..., 1, 1], products[..., 0, 1]
    apart = first + second - 2 * both
    share = ((second - both) / apart.clamp_min(torch.finfo(products.dtype).tiny)).clamp(0, 1)
    return torch.where(apart > 0, share, torch.full_like(share, 0.5))
