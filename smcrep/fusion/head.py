"""The fusion head: weighted directions for the invariant part, a product of Gaussians for the equivariant part, and how
much an observation is like those that were seen.

A head is a rule with weights: ``head(beliefs) -> (fused, weight)``. It is fitted on a trained model (`fit_head`), on
objects that no encoder saw, and saved with it.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from smcrep.fusion.directions import QUANTILE, SHRINKAGE, WeightedDirections, fit_directions, measure_within
from smcrep.fusion.fit_variance import VarianceFit, fit_variance
from smcrep.fusion.learn_directions import DirectionLearning, learn_directions
from smcrep.fusion.manifold.conformal import Conformal, group_of_senses
from smcrep.fusion.precision import precision_weighted
from smcrep.transition import Beliefs, concatenate

NUM_SCORES = 512
"""Scores of calibration that are kept for each set of senses: no p-value is below 1 / 513."""
LEARNING = DirectionLearning()
MIN_SCORES = 20
"""Fewer could not tell one in twenty."""


@dataclass(frozen=True)
class Look:
    """What a head makes of beliefs.

    fused      [..., d]: weighted directions, of norm 1 where no sense has a fault, then the equivariant part.
    weight     [..., m] of the senses, sums to 1; 0 where absent.
    precision  [..., m]: 1 / (variance of directions within a thing + variance of the fault); 0 where absent.
    p_value    [..., m] of each sense alone: how many observations of calibration were as unusual or more; NaN where it
               is absent, or before calibration.
    p_all      [...] the same of all senses present together.
    """

    fused: Tensor
    weight: Tensor
    precision: Tensor
    p_value: Tensor
    p_all: Tensor


class DirectionHead(nn.Module):
    """Beliefs over ``num_senses`` senses, mean [..., m, invariant_dim + equivariant_dim], to embeddings of as many
    numbers."""

    def __init__(self, num_senses: int, invariant_dim: int, equivariant_dim: int = 0) -> None:
        super().__init__()
        self.num_senses, self.invariant_dim = num_senses, invariant_dim
        self.directions = WeightedDirections(num_senses, invariant_dim, equivariant_dim, num_out=invariant_dim)
        self.scores: Tensor
        self.register_buffer("scores", torch.full(((1 << num_senses) - 1, NUM_SCORES), torch.nan))

    def forward(self, beliefs: Beliefs) -> tuple[Tensor, Tensor]:
        """fused [..., d], weight [..., m]."""
        return self._fused(beliefs, self.directions.fault(beliefs))

    def look(self, beliefs: Beliefs) -> Look:
        """All that the head knows of beliefs."""
        fault = self.directions.fault(beliefs)
        fused, weight = self._fused(beliefs, fault)
        precision = torch.where(beliefs.present, 1 / (self.directions.within + fault), 0)
        alone = torch.eye(self.num_senses, dtype=torch.bool, device=beliefs.present.device)
        own = [self._p_value(replace(beliefs, present=beliefs.present & alone[m])) for m in range(self.num_senses)]
        return Look(fused, weight, precision, torch.stack(own, -1), self._p_value(beliefs))

    def _fused(self, beliefs: Beliefs, fault: Tensor) -> tuple[Tensor, Tensor]:
        found = self.directions.weighted(beliefs, fault)
        missing = self.invariant_dim - found.embedding.shape[-1]  # where the senses do not divide it
        embedding = nn.functional.pad(found.embedding, (0, missing)).to(beliefs.mean.dtype)
        within = self.directions.within
        quieter = (within / (within + torch.where(beliefs.present, fault, 0))).log()
        rest = replace(
            beliefs,
            mean=beliefs.mean[..., self.invariant_dim :],
            log_precision=beliefs.log_precision[..., self.invariant_dim :] + quieter[..., None],
        )
        return torch.cat([embedding, precision_weighted(rest)[0]], -1), found.weight

    def _p_value(self, beliefs: Beliefs) -> Tensor:
        group = group_of_senses(beliefs.present)
        known = (group > 0) & ~self.scores[:, 0].isnan()[(group - 1).clamp(min=0)]
        p = torch.full(group.shape, torch.nan, dtype=beliefs.mean.dtype, device=beliefs.mean.device)
        if known.any():
            score = self.directions.usual.distance(beliefs)
            p[known] = self._calibration().p_value(score[known], group[known]).to(p.dtype)
        return p

    def _calibration(self) -> Conformal:
        some = (~self.scores[:, 0].isnan()).nonzero().flatten()
        number = int((~self.scores[some[0]].isnan()).sum())
        starts = number * torch.arange(len(some) + 1, device=some.device)
        return Conformal(self.scores[some, :number].flatten(), starts, some + 1)


def fit_head(
    head: DirectionHead,
    clean: Beliefs,
    faulty: Beliefs,
    thing: Tensor,
    calibration: Beliefs,
    *,
    group: Tensor | None = None,
    shrinkage: float = SHRINKAGE,
    learning: DirectionLearning = LEARNING,
    settings: VarianceFit,
    generator: torch.Generator,
) -> None:
    """Fit ``head`` to beliefs of things that no encoder was fitted to.

    clean          [n] of observations as they are.
    faulty         [c n] of the same observations, in the same order, c times with faulty sensors.
    thing          int64 [n], which thing each is of.
    calibration    clean beliefs of other things, and their ``group``: see `calibrate`.

    Readings unlike all that it was fitted to count as faults: give things of every kind that will be met, scanned ones
    beside simulated ones. Of a kind of which no others are left, those that the encoders were trained on serve too.
    """
    fit_directions(head.directions, clean, thing, shrinkage=shrinkage)
    again: Beliefs = concatenate([clean] * (len(faulty.present) // len(clean.present)))
    fit_variance(head.directions, again, faulty, settings, generator)
    learn_directions(head.directions, faulty, thing.repeat(len(faulty.present) // len(thing)), learning, generator)
    measure_within(head.directions, clean, thing)
    fit_variance(head.directions, again, faulty, settings, generator)  # what a fault does to the directions learned
    calibrate(head, calibration, generator, group=group)


@torch.no_grad()
def calibrate(
    head: DirectionHead, beliefs: Beliefs, generator: torch.Generator, *, group: Tensor | None = None
) -> None:
    """What is usual, from clean ``beliefs`` [c] with all senses present: the variance up to which no sense is taken to
    be faulty (`smcrep.fusion.directions.QUANTILE`), and the scores of p-values for every set of senses that could be
    there. Anew with your own clean observations, a head that was fitted to others fits your sensors.

    group  int64 [c], what kind of things each is of. The variance holds for the kind that varies most, and each kind
           gives as many scores.
    """
    if len(beliefs.present) < MIN_SCORES or not bool(beliefs.present.all()):
        raise ValueError(
            f"calibrate: {len(beliefs.present)} observations, {int((~beliefs.present).sum())} senses absent; give at "
            f"least {MIN_SCORES} observations that all senses made"
        )
    group = torch.zeros(len(beliefs.present), dtype=torch.int64) if group is None else group
    if group.shape != beliefs.present.shape[:1]:
        raise ValueError(f"calibrate: {len(beliefs.present)} observations, {len(group)} groups; give one of each")
    order = torch.randperm(len(group), generator=generator)
    kinds = [order[group[order] == kind] for kind in group.unique()]
    variance = head.directions.variance(beliefs)
    quantiles = [variance[rows].quantile(QUANTILE, 0) for rows in kinds]
    head.directions.clean.copy_(torch.stack(quantiles).amax(0))
    each = NUM_SCORES // len(kinds)
    rows: Beliefs = beliefs[torch.cat([own[:each] for own in kinds])]
    head.scores.fill_(torch.nan)
    for senses in range(1, 1 << head.num_senses):
        present = (senses >> torch.arange(head.num_senses) & 1).bool().expand(len(rows.present), -1)
        head.scores[senses - 1, : len(rows.present)] = (
            head.directions.usual.distance(replace(rows, present=present)).sort().values
        )
