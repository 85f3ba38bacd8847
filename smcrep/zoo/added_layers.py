"""Layers that a cure adds to the networks of the zoo. A model whose parameters lack them is as it was."""

from collections.abc import Mapping

import torch
from torch import Tensor

LEAST_STD = 1e-6
"""A feature that varies less is taken for that of a dead wire, and is 0: muted features vary more, and what rounding
leaves of none less. Divided by its deviation it would be noise of size 1."""


def standardised(p: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """Features [m, 4 signals, b, 8] on the way into fusion, each less its mean and over its standard deviation, in the
    models where "standard.on" [m] is 1."""
    if "standard.on" not in p:
        return x
    std = p["standard.std"]
    own = torch.where(std > LEAST_STD, (x - p["standard.mean"]) / std.clamp_min(LEAST_STD), 0.0)
    return torch.where(p["standard.on"].view(-1, 1, 1, 1) > 0, own, x)


def conditioned(p: Mapping[str, Tensor], h: Tensor, found: Tensor) -> Tensor:
    """Activations h [m, b, 40], scaled and shifted by the features of signals [m, 4, b, 8] whose "condition_on" [m, 4]
    is 1: h (1 + gamma) + beta (FiLM, arXiv:1709.07871, eq. 2)."""
    if "condition_on" not in p:
        return h
    told = (found * p["condition_on"][..., None, None]).transpose(1, 2).flatten(2)
    gamma, beta = (told @ p["adapter.weight"] + p["adapter.bias"]).chunk(2, -1)
    on = p["condition_on"].amax(1).view(-1, 1, 1)
    return h * (1 + on * gamma) + on * beta
