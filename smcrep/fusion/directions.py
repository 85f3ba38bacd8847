"""Fusion by weighted directions: the directions of the senses side by side, each as long as it can be trusted now.

Sense m says u_m, the direction of A_m (x_m - c_m): its invariant part, centred, in coordinates in which looks at one
thing vary equally in all directions (within-class covariance normalisation: Hatch et al., Interspeech 2006). A fault of
the sensor turns it away from the u it would have been: u_m' = (1 - v) u_m + noise of variance v, in the mean, with

    v = E|u' - u|^2 / 2 = 1 - E cos(u', u)

and looks at one thing differ by a variance w_m of their own. Two directions are compared by their cosine, in which
the signal is worth 1 - v and the noise w + v; the weight that tells best is the ratio of the two, over its value
without a fault:

    a_m = max(1 - v_m, 0) w_m / (w_m + v_m),    y = [a_1 u_1, ..., a_M u_M] / sqrt(M)

v is read from how unusual a reading is (`unusual.Unusual`) by a network that learned from faults of known effect. What
it says of clean readings is its noise: v up to its `QUANTILE` over those counts as 0, so clean readings have a = 1, and
y is plain concatenation of directions. The cosine of two y is the precision-weighted mean of the senses' cosines; an
absent sense is 0; where all are destroyed |y| is near 0, which is nothing in particular.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from smcrep.fusion.scatter import principal, scatter, whitening
from smcrep.fusion.unusual import Unusual
from smcrep.fusion.variance import VarianceHead
from smcrep.transition import Beliefs

SHRINKAGE = 0.6
QUANTILE = 0.98
"""Of the variances of clean readings: below it nothing is taken for a fault."""
LEAST = 0.01
"""Of a: a sense that is present keeps its direction, in case no other is better."""


@dataclass(frozen=True)
class Fused:
    """What `WeightedDirections` makes of beliefs.

    embedding  [..., q], |y| <= 1.
    variance   [..., m] of the fault of each sense (v, 0: none, 1: nothing is left), inf where it is absent.
    gain       [..., m] a, LEAST..1, 0 where absent.
    """

    embedding: Tensor
    variance: Tensor
    gain: Tensor

    @property
    def weight(self) -> Tensor:
        """[..., m]: shares of a; sums to 1, or all 0 where no sense is present."""
        return self.gain / self.gain.sum(-1, keepdim=True).clamp(min=1e-12)


class WeightedDirections(nn.Module):
    """Beliefs over m senses, mean [..., m, d] -> `Fused`.

    invariant_dim    the first numbers of d, whose directions are fused.
    equivariant_dim  the others, which help to tell faults.
    num_out          q: so many numbers in all, ``num_out`` // m of each sense (its principal ones); None: all of them.

    Fitted by `fit_directions`, `fit_variance` and `learn_directions`: see `smcrep.fusion.head.fit_head`.
    """

    def __init__(
        self, num_senses: int, invariant_dim: int, equivariant_dim: int = 0, *, num_out: int | None = None
    ) -> None:
        super().__init__()
        self.num_senses, self.invariant_dim = num_senses, invariant_dim
        p = invariant_dim if num_out is None else min(num_out // num_senses, invariant_dim)
        if p < 1:
            raise ValueError(
                f"WeightedDirections: {num_out} numbers for {num_senses} senses; give at least one of each"
            )
        self.num_each = p
        self.usual = Unusual(num_senses, invariant_dim, equivariant_dim)
        self.turn: Tensor
        self.within: Tensor
        self.clean: Tensor
        self.register_buffer("turn", torch.eye(invariant_dim)[:, :p].repeat(num_senses, 1, 1))
        self.register_buffer("within", torch.ones(num_senses))
        self.register_buffer("clean", torch.zeros(num_senses))
        self.heads = nn.ModuleList(VarianceHead(self.usual.num_readings) for _ in range(num_senses))

    def forward(self, beliefs: Beliefs) -> Fused:
        return self.weighted(beliefs, self.fault(beliefs))

    def directions(self, beliefs: Beliefs) -> Tensor:
        """u [..., m, p]; 0 where the sense is absent."""
        x = self.usual.centred(beliefs)[..., : self.invariant_dim]
        return nn.functional.normalize(torch.einsum("...md,mdp->...mp", x, self.turn), dim=-1)

    def variance(self, beliefs: Beliefs) -> Tensor:
        """[..., m], as the heads say it; inf where absent."""
        readings = self.usual(beliefs)
        found = torch.stack([head(readings[..., m, :]) for m, head in enumerate(self.heads)], -1)
        return torch.where(beliefs.present, found, torch.inf)

    def fault(self, beliefs: Beliefs) -> Tensor:
        """[..., m]: what is left of `variance` beyond that of clean readings."""
        return (self.variance(beliefs) - self.clean).clamp(min=0)

    def weighted(self, beliefs: Beliefs, fault: Tensor) -> Fused:
        """Directions weighted for faults of variance ``fault`` [..., m]."""
        v = torch.where(beliefs.present, fault, 0)
        gain = ((1 - v) * self.within / (self.within + v)).clamp(min=LEAST)
        gain = torch.where(beliefs.present, gain, 0)
        y = (gain[..., None] * self.directions(beliefs)).flatten(-2) / math.sqrt(self.num_senses)
        return Fused(y, fault, gain)


@torch.no_grad()
def fit_directions(
    fusion: WeightedDirections, beliefs: Beliefs, thing: Tensor, *, shrinkage: float = SHRINKAGE
) -> None:
    """Set all but the variance heads from clean beliefs [n] of things int64 [n] that no encoder was fitted to, all
    senses present, several looks at each thing."""
    if not bool(beliefs.present.all()):
        raise ValueError("fit_directions: a sense is absent in some beliefs; give observations that all senses made")
    things, index, looks = thing.unique(return_inverse=True, return_counts=True)
    if len(things) < 3 or int(looks.min()) < 2:
        raise ValueError(
            f"fit_directions: {len(things)} things with {int(looks.min())} looks at the least; give at least 3 with 2 "
            "each"
        )
    fusion.usual.fit(beliefs, shrinkage)
    x = fusion.usual.centred(beliefs)[..., : fusion.invariant_dim].double()
    for m in range(fusion.num_senses):
        few = principal(x[:, m].mT @ x[:, m] / len(x), fusion.num_each)
        fusion.turn[m].copy_(few @ whitening(scatter(x[:, m] @ few, index, shrinkage)))
    measure_within(fusion, beliefs, thing)


@torch.no_grad()
def measure_within(fusion: WeightedDirections, beliefs: Beliefs, thing: Tensor) -> None:
    """Set w_m from clean beliefs [n] of things int64 [n]: the mean of |u - u'|^2 / 2 = 1 - cos(u, u') over pairs of
    looks at one thing."""
    _, index, looks = thing.unique(return_inverse=True, return_counts=True)
    u = fusion.directions(beliefs).double()
    sums = u.new_zeros(len(looks), *u.shape[1:]).index_add_(0, index, u)
    pairs = (looks * (looks - 1)).to(u)
    cosine = (sums.square().sum(-1) - looks[:, None]).sum(0) / pairs.sum()
    fusion.within.copy_((1 - cosine).clamp(min=1e-3))
