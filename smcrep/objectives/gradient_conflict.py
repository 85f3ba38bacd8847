"""Whether two losses pull the same parameters against each other."""

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
