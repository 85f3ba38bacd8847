"""Fusion by the posterior of what is there: each sense is a noisy reading of one thing, and says how noisy.

The readings x of all senses, side by side, are those of a thing, of what varies from look to look, and of faults of the
sensors:

    x = c + w + e,   c ~ N(0, B),   w ~ N(0, W),   e_m ~ N(0, v_m(x) S_m) for each sense m, independent

(probabilistic linear discriminant analysis, Ioffe 2006, whose noise differs from reading to reading, as in speaker
recognition: Kenny et al. 2013, "PLDA for speaker verification with utterances of arbitrary duration"). The embedding is
the posterior mean of c in coordinates in which W is the identity:

    y = V' B (B + W + R)^-1 x,   R = blockdiag(v_m S_m),   V' W V = 1

So a precise sense adds its numbers, as concatenation would; an imprecise or absent one is replaced by what the others
say of it; where all are destroyed y goes to 0, which is no thing in particular. W has the correlation of the senses'
errors in it. The posterior mean commutes with every linear read-out: the score of a linear probe of y is the expected
score of that probe.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from smcrep.fusion.variance import VarianceHead
from smcrep.transition import Beliefs

SHRINKAGE = 0.1
"""Share of the mean variance that is mixed into each covariance: a hundred objects do not tell 128 variances."""
FAR_OUT = 3.0
"""Mean square of a whitened reading (1 for clean ones) from where on it is taken for a fault, whatever was learned."""


@dataclass(frozen=True)
class Fused:
    """What `PosteriorFusion` makes of beliefs.

    embedding  [..., q].
    variance   [..., m] of the fault of each sense, in units of its clean readings; inf where absent.
    weight     [..., m] share of each sense in the precision of all, 1 / (variance within a thing + variance of the
               fault); sums to 1, 0 where absent.
    claimed    [...] share of the variance of things that is left unknown, 0 (all known) to 1 (nothing).
    """

    embedding: Tensor
    variance: Tensor
    weight: Tensor
    claimed: Tensor


class PosteriorFusion(nn.Module):
    """Beliefs over m senses, mean [..., m, d] -> `Fused`; ``num_reading`` numbers of each sense are kept (its linear
    discriminants), ``num_out`` of the posterior. Fitted by `fit_moments`, then `fit_variance`."""

    def __init__(self, num_senses: int, dim: int, *, num_reading: int = 48, num_out: int = 128) -> None:
        super().__init__()
        p = min(num_reading, dim)
        self.num_senses, self.num_reading = num_senses, p
        total = num_senses * p
        self.centre: Tensor
        self.reduce: Tensor
        self.between: Tensor
        self.within: Tensor
        self.fault: Tensor
        self.out: Tensor
        self.register_buffer("centre", torch.zeros(num_senses, dim))
        self.register_buffer("reduce", torch.zeros(num_senses, dim, p))
        self.register_buffer("between", torch.eye(total))
        self.register_buffer("within", torch.eye(total))
        self.register_buffer("fault", torch.ones(num_senses, p))
        self.register_buffer("out", torch.eye(total)[:, : min(num_out, total)])
        self.heads = nn.ModuleList(VarianceHead(p, 4) for _ in range(num_senses))

    def forward(self, beliefs: Beliefs) -> Fused:
        x = self.readings(beliefs)
        return self.posterior(x, self.variance(x, beliefs.present), beliefs.present)

    def readings(self, beliefs: Beliefs) -> Tensor:
        """[..., m, p]: linear discriminants of each sense; 0 where it is absent."""
        mean = torch.where(beliefs.present[..., None], beliefs.mean, 0)
        x = torch.einsum("...md,mdp->...mp", mean - self.centre, self.reduce)
        return torch.where(beliefs.present[..., None], x, 0)

    def variance(self, readings: Tensor, present: Tensor) -> Tensor:
        """[..., m] of the fault of each sense from readings [..., m, p]; inf where it is absent."""
        unusual = self.unusual(readings, present)
        found = [head(readings[..., m, :], unusual[..., m, :]) for m, head in enumerate(self.heads)]
        # No fault of training is as far out as some are in use: what is beyond all clean readings is fault alone.
        beyond = unusual[..., 0].exp() - FAR_OUT
        return torch.where(present, torch.maximum(torch.stack(found, -1), beyond), torch.inf)

    def unusual(self, readings: Tensor, present: Tensor) -> Tensor:
        """[..., m, 4]: log of the mean square of a reading whitened by what is usual for its sense; the same for what
        the other senses that are present leave unexplained, mean and least over them; whether there are others."""
        own = self._own_distance(readings)
        across = self._cross_distance(readings)
        others = present[..., None, :] & present[..., :, None]
        others = others & ~torch.eye(self.num_senses, dtype=torch.bool, device=present.device)
        some = others.any(-1)
        mean = torch.where(others, across, 0).sum(-1) / others.sum(-1).clamp(min=1)
        least = torch.where(others, across, torch.inf).amin(-1)
        parts = [own, torch.where(some, mean, 0), torch.where(some, least, 0), some.to(own.dtype)]
        return torch.stack(parts, -1)

    def posterior(self, readings: Tensor, variance: Tensor, present: Tensor) -> Fused:
        """The posterior from readings [..., m, p] whose faults have ``variance`` [..., m]."""
        p = self.num_reading
        seen = present.repeat_interleave(p, -1)
        noise = torch.where(present, variance, 0)[..., None] * self.fault
        total = self.between + self.within + torch.diag_embed(noise.flatten(-2))
        both = seen[..., None] & seen[..., None, :]
        eye = torch.eye(total.shape[-1], dtype=total.dtype, device=total.device)
        factor = torch.linalg.cholesky(torch.where(both, total, eye))
        to_out = self.out.mT @ self.between  # [q, m p]
        gain = torch.cholesky_solve((to_out * seen[..., None, :]).mT, factor).mT
        embedding = (gain @ torch.where(seen, readings.flatten(-2), 0)[..., None])[..., 0]
        prior = (to_out @ self.out).diagonal()
        known = (gain * (to_out * seen[..., None, :])).sum(-1).sum(-1)
        precision = torch.where(present, 1 / (self.within_share() + variance), 0)
        weight = precision / precision.sum(-1, keepdim=True).clamp(min=1e-12)
        return Fused(embedding, variance, weight, 1 - known / prior.sum())

    def within_share(self) -> Tensor:
        """[m]: share of the variance of clean readings that is not between things."""
        within, total = (
            x.diagonal().unflatten(0, (self.num_senses, -1)).sum(-1) for x in (self.within, self.within + self.between)
        )
        return within / total

    def distance(self, readings: Tensor, present: Tensor) -> Tensor:
        """[...]: log of the mean square of all readings [..., m, p] of the senses present, whitened together by what is
        usual: how unlike all that was seen they are, each by itself and to each other. 0 where no sense is present."""
        usual, found = self.between + self.within, readings.new_zeros(present.shape[:-1])
        for senses in present.flatten(0, -2).unique(dim=0):
            if not senses.any():
                continue
            here = (present == senses).all(-1)
            seen = senses.repeat_interleave(self.num_reading)
            found[here] = _log_distance(readings.flatten(-2)[here][:, seen], usual[seen][:, seen])
        return found

    def _own_distance(self, readings: Tensor) -> Tensor:
        """[..., m]: log mean square of whitened readings."""
        found = []
        for m in range(self.num_senses):
            usual = self._block(m, m)
            found.append(_log_distance(readings[..., m, :], usual))
        return torch.stack(found, -1)

    def _cross_distance(self, readings: Tensor) -> Tensor:
        """[..., m, m]: the same of what sense o (last axis) leaves unexplained of sense m; 0 on the diagonal."""
        rows = []
        for m in range(self.num_senses):
            row = []
            for o in range(self.num_senses):
                if o == m:
                    row.append(torch.zeros_like(readings[..., m, 0]))
                    continue
                slope = torch.linalg.solve(self._block(o, o), self._block(o, m))
                left = readings[..., m, :] - readings[..., o, :] @ slope
                row.append(_log_distance(left, self._block(m, m) - self._block(m, o) @ slope))
            rows.append(torch.stack(row, -1))
        return torch.stack(rows, -2)

    def _block(self, m: int, o: int) -> Tensor:
        p = self.num_reading
        return (self.between + self.within)[m * p : (m + 1) * p, o * p : (o + 1) * p]


def _log_distance(x: Tensor, covariance: Tensor) -> Tensor:
    """log of the mean over p of the squares of x [..., p] whitened by ``covariance`` [p, p]."""
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(covariance), x[..., None], upper=False)[..., 0]
    return white.square().mean(-1).clamp(min=1e-6).log()


@torch.no_grad()
def fit_moments(fusion: PosteriorFusion, beliefs: Beliefs, thing: Tensor, *, shrinkage: float = SHRINKAGE) -> None:
    """Set all but the variances from clean beliefs [n, m, d] of things int64 [n] that no encoder was fitted to, all
    senses present, several looks at each thing. Moment estimators: W from deviations from the means of things, B from
    those means, less W over the number of looks; both shrunk."""
    if not bool(beliefs.present.all()):
        raise ValueError("fit_moments: a sense is absent in some beliefs; give observations that all senses made")
    things, index, looks = thing.unique(return_inverse=True, return_counts=True)
    if len(things) < 3 or int(looks.min()) < 2:
        raise ValueError(
            f"fit_moments: {len(things)} things with {int(looks.min())} looks at the least; give at least 3 with 2 each"
        )
    mean = beliefs.mean.double()
    fusion.centre.copy_(mean.mean(0))
    x = mean - mean.mean(0)
    reduce = torch.stack(
        [_discriminants(x[:, m], index, fusion.num_reading, shrinkage) for m in range(fusion.num_senses)]
    )
    fusion.reduce.copy_(reduce)
    readings = torch.einsum("nmd,mdp->nmp", x, reduce).flatten(1)
    between, within = _scatter(readings, index, shrinkage)
    fusion.between.copy_(between)
    fusion.within.copy_(within)
    values, vectors = _generalised(between, within)
    fusion.out.copy_(vectors[:, values.argsort(descending=True)[: fusion.out.shape[1]]])


def _discriminants(x: Tensor, index: Tensor, number: int, shrinkage: float) -> Tensor:
    """[d, number]: directions that tell things apart best, with unit variance within a thing."""
    values, vectors = _generalised(*_scatter(x, index, shrinkage))
    return vectors[:, values.argsort(descending=True)[:number]]


def _scatter(x: Tensor, index: Tensor, shrinkage: float) -> tuple[Tensor, Tensor]:
    """Covariances [d, d] between and within things, shrunk to positive definite matrices."""
    num_things = int(index.max()) + 1
    looks = torch.bincount(index, minlength=num_things).to(x)
    means = x.new_zeros(num_things, x.shape[1]).index_add_(0, index, x) / looks[:, None]
    deviations = x - means[index]
    within = deviations.mT @ deviations / (len(x) - num_things)
    centred = means - means.mean(0)
    between = centred.mT @ centred / (num_things - 1) - within * (1 / looks).mean()
    values, vectors = torch.linalg.eigh(between)
    between = vectors * values.clamp(min=0) @ vectors.mT
    return _shrunk(between, shrinkage), _shrunk(within, shrinkage)


def _shrunk(covariance: Tensor, shrinkage: float) -> Tensor:
    mean = covariance.diagonal().mean().clamp(min=1e-12)
    return (1 - shrinkage) * covariance + shrinkage * mean * torch.eye(len(covariance)).to(covariance)


def _generalised(between: Tensor, within: Tensor) -> tuple[Tensor, Tensor]:
    """values [d], vectors V [d, d] with between V = within V diag(values) and V' within V = 1."""
    factor = torch.linalg.cholesky(within)
    half = torch.linalg.solve_triangular(factor, between, upper=False)
    values, vectors = torch.linalg.eigh(torch.linalg.solve_triangular(factor, half.mT, upper=False))
    return values, torch.linalg.solve_triangular(factor.mT, vectors, upper=True)
