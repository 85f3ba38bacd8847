"""What one sense says of another, and how far the other is from it: a residual that shows which pair disagrees."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import torch
from torch import Tensor

from smcrep.fusion.manifold.stored import Stored


@dataclass(frozen=True)
class RidgeMap(Stored):
    """Linear prediction of a sense's d_b numbers from another's d_a.

    weight    float32 [d_a, d_b].
    bias      float32 [d_b].
    variance  float32 [d_b]: of what is left, on observations that were not harmed.
    """

    weight: Tensor
    bias: Tensor
    variance: Tensor

    def residual(self, source: Tensor, target: Tensor) -> Tensor:
        """Mean squared standardised residual [...] of target [..., d_b] given source [..., d_a]; on average 1 on
        observations like those of the fit."""
        left = target - source @ self.weight - self.bias
        return (left.square() / self.variance).mean(-1)


def fit_ridge(source: Tensor, target: Tensor, *, ridge: float = 1e-3) -> RidgeMap:
    """Ridge regression of target [b, d_b] on source [b, d_a], both about their means.

        W = (A'A + l I)^-1 A'B,    l = ridge * trace(A'A) / d_a

    The variance of what is left is over b - 1 - trace of the hat matrix A (A'A + l I)^-1 A' (its degrees of freedom:
    Hastie, Tibshirani & Friedman 2009, eq. 3.50), not over b: with few observations the fit would seem too good.
    """
    if source.ndim != 2 or target.ndim != 2 or len(source) != len(target) or len(source) < source.shape[1] + 2:
        raise ValueError(
            f"fit_ridge: source {list(source.shape)}, target {list(target.shape)}; give [b, d] of the same rows, "
            "with at least 2 rows more than the source has numbers"
        )
    a, b = source.double() - source.double().mean(0), target.double() - target.double().mean(0)
    gram = a.T @ a
    penalty = ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    weight = torch.linalg.solve(gram + penalty, a.T @ b)
    freedom = len(a) - 1 - torch.linalg.solve(gram + penalty, gram).trace()
    variance = (b - a @ weight).square().sum(0) / freedom
    bias = target.double().mean(0) - source.double().mean(0) @ weight
    return RidgeMap(weight.float(), bias.float(), variance.clamp_min(1e-12).float())


def fit_cross_modal(senses: Mapping[str, Tensor], *, ridge: float = 1e-3) -> dict[tuple[str, str], RidgeMap]:
    """(source, target) -> `fit_ridge`, for every ordered pair of senses {name: [b, d_m]} that nothing harmed."""
    pairs = permutations(senses, 2)
    return {(a, b): fit_ridge(senses[a], senses[b], ridge=ridge) for a, b in pairs}


def cross_modal_residuals(
    maps: Mapping[tuple[str, str], RidgeMap], senses: Mapping[str, Tensor]
) -> dict[tuple[str, str], Tensor]:
    """(source, target) -> `RidgeMap.residual` [...], of the pairs whose senses are both given.

    A sense that is harmed disagrees with every other, as a target and as a source; two senses alone cannot say which
    of them is wrong, three can.
    """
    return {(a, b): m.residual(senses[a], senses[b]) for (a, b), m in maps.items() if a in senses and b in senses}
