"""How well a map fits: how near its units are, and whether it keeps neighbourhoods."""

import torch
from torch import Tensor

from smcrep.fusion.manifold.map import ManifoldMap, adjacency


def quantisation_error(manifold: ManifoldMap, x: Tensor) -> float:
    """Mean distance of observations x [b, d] to their nearest unit, whitened."""
    nearest = manifold.units[manifold.winners(x)[:, 0]]
    return float((manifold.whiten(x) - nearest).norm(dim=1).mean())


def topographic_error(manifold: ManifoldMap, x: Tensor) -> float:
    """Share of observations x [b, d] whose two nearest units are not neighbours in the graph (Kiviluoto 1996)."""
    first, second = manifold.winners(x, 2).unbind(1)
    return float((adjacency(manifold.edges, len(manifold.units))[first, second] == 0).to(torch.float64).mean())
