"""The fusion head: the posterior for the invariant part, a product of Gaussians for the equivariant part, and how much
an observation is like those that were seen.

A head is a rule with weights: ``head(beliefs) -> (fused, weight)``. It is fitted on a trained model (`fit_head`), on
objects that no encoder saw, and saved with it.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from smcrep.fusion.fit_variance import VarianceFit, fit_variance
from smcrep.fusion.manifold.conformal import Conformal, group_of_senses
from smcrep.fusion.posterior import PosteriorFusion, fit_moments
from smcrep.fusion.precision import precision_weighted
from smcrep.transition import Beliefs, concatenate

NUM_SCORES = 512
"""Scores of calibration that are kept for each set of senses: no p-value is below 1 / 513."""
MIN_SCORES = 20
"""Fewer could not tell one in twenty."""


@dataclass(frozen=True)
class Look:
    """What a head makes of beliefs.

    fused      [..., d]: the posterior mean, in units in which clean embeddings have a mean square norm of 1, then the
               equivariant part.
    weight     [..., m] of the senses, sums to 1; 0 where absent.
    precision  [..., m]: 1 / (variance within a thing + variance of the fault), in units of the variance of clean
               readings; 0 where absent.
    p_value    [..., m] of each sense alone: how many observations of calibration were as unusual or more; NaN where it
               is absent, or before calibration.
    p_all      [...] the same of all senses present together.
    """

    fused: Tensor
    weight: Tensor
    precision: Tensor
    p_value: Tensor
    p_all: Tensor


class PosteriorHead(nn.Module):
    """Beliefs over ``num_senses`` senses, mean [..., m, invariant_dim + e]."""

    def __init__(self, num_senses: int, invariant_dim: int, *, num_reading: int = 64) -> None:
        super().__init__()
        self.num_senses, self.invariant_dim = num_senses, invariant_dim
        self.posterior = PosteriorFusion(num_senses, invariant_dim, num_reading=num_reading, num_out=invariant_dim)
        self.scale: Tensor
        self.scores: Tensor
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("scores", torch.full(((1 << num_senses) - 1, NUM_SCORES), torch.nan))

    def forward(self, beliefs: Beliefs) -> tuple[Tensor, Tensor]:
        """fused [..., d], weight [..., m]."""
        found = self.posterior(self._invariant(beliefs))
        embedding = self.scale * found.embedding
        missing = self.invariant_dim - embedding.shape[-1]  # fewer things to fit to than numbers to give
        embedding = nn.functional.pad(embedding, (0, missing)).to(beliefs.mean.dtype)
        share = self.posterior.within_share()
        quieter = (share / (share + torch.where(beliefs.present, found.variance, 0))).log()
        rest = replace(
            beliefs,
            mean=beliefs.mean[..., self.invariant_dim :],
            log_precision=beliefs.log_precision[..., self.invariant_dim :] + quieter[..., None],
        )
        return torch.cat([embedding, precision_weighted(rest)[0]], -1), found.weight

    def look(self, beliefs: Beliefs) -> Look:
        """All that the head knows of beliefs."""
        fused, weight = self(beliefs)
        given = self._invariant(beliefs)
        readings = self.posterior.readings(given)
        variance = self.posterior.variance(readings, beliefs.present)
        precision = torch.where(beliefs.present, 1 / (self.posterior.within_share() + variance), 0)
        alone = torch.eye(self.num_senses, dtype=torch.bool, device=beliefs.present.device)
        own = [self._p_value(readings, beliefs.present & alone[m]) for m in range(self.num_senses)]
        return Look(fused, weight, precision, torch.stack(own, -1), self._p_value(readings, beliefs.present))

    def _p_value(self, readings: Tensor, present: Tensor) -> Tensor:
        group = group_of_senses(present)
        known = (group > 0) & ~self.scores[:, 0].isnan()[(group - 1).clamp(min=0)]
        p = torch.full(group.shape, torch.nan, dtype=readings.dtype, device=readings.device)
        if known.any():
            score = self.posterior.distance(readings, present)
            p[known] = self._calibration().p_value(score[known], group[known]).to(p.dtype)
        return p

    def _calibration(self) -> Conformal:
        some = (~self.scores[:, 0].isnan()).nonzero().flatten()
        number = int((~self.scores[some[0]].isnan()).sum())
        starts = number * torch.arange(len(some) + 1, device=some.device)
        return Conformal(self.scores[some, :number].flatten(), starts, some + 1)

    def _invariant(self, beliefs: Beliefs) -> Beliefs:
        return replace(
            beliefs,
            mean=beliefs.mean[..., : self.invariant_dim],
            log_precision=beliefs.log_precision[..., : self.invariant_dim],
        )


def fit_head(
    head: PosteriorHead,
    clean: Beliefs,
    faulty: Beliefs,
    thing: Tensor,
    calibration: Beliefs,
    *,
    shrinkage: float,
    settings: VarianceFit,
    generator: torch.Generator,
) -> None:
    """Fit ``head`` to beliefs of things that no encoder was fitted to.

    clean          [n] of observations as they are.
    faulty         [c n] of the same observations, in the same order, c times with faulty sensors.
    thing          int64 [n], which thing each is of.
    calibration    clean beliefs of other things, for p-values; at most NUM_SCORES of them are kept.
    """
    given, harmed = head._invariant(clean), head._invariant(faulty)
    fit_moments(head.posterior, given, thing, shrinkage=shrinkage)
    again: Beliefs = concatenate([given] * (len(harmed.present) // len(given.present)))
    fit_variance(head.posterior, again, harmed, settings, generator)
    with torch.no_grad():
        norm = head.posterior(given).embedding.square().sum(-1).mean().sqrt()
        head.scale.copy_(1 / norm)
        calibrate(head, calibration, generator)


@torch.no_grad()
def calibrate(head: PosteriorHead, beliefs: Beliefs, generator: torch.Generator) -> None:
    """Keep the scores of ``beliefs`` [c], all senses present, for every set of senses that could be there."""
    if len(beliefs.present) < MIN_SCORES or not bool(beliefs.present.all()):
        raise ValueError(
            f"calibrate: {len(beliefs.present)} observations, {int((~beliefs.present).sum())} senses absent; give at "
            f"least {MIN_SCORES} observations that all senses made"
        )
    rows = torch.randperm(len(beliefs.present), generator=generator)[:NUM_SCORES]
    readings = head.posterior.readings(head._invariant(beliefs[rows]))
    head.scores.fill_(torch.nan)
    for group in range(1, 1 << head.num_senses):
        present = (group >> torch.arange(head.num_senses) & 1).bool().expand(len(rows), -1)
        some = torch.where(present[..., None], readings, 0)
        head.scores[group - 1, : len(rows)] = head.posterior.distance(some, present).sort().values
