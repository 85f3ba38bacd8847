"""How unusual an observation is, as a p-value that holds whatever the distribution of the scores."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.fusion.manifold.stored import Stored


@dataclass(frozen=True)
class Conformal(Stored):
    """Scores of calibration, by group (Mondrian conformal prediction: Vovk, Gammerman & Shafer 2005, section 4.5).

    For an observation that is exchangeable with those of its group, P(p <= a) <= a for every a in [0, 1]. The
    observations of calibration belong to objects that no encoder, and no map, was fitted on; a model that moves needs
    new ones. p-values from one calibration depend on each other.

    scores  float32 [n], rising within each group.
    starts  int64 [g + 1]: scores[starts[i] : starts[i + 1]] are those of group names[i].
    names   int64 [g], rising: what `group_of_senses` gives, or numbers of your own.
    """

    scores: Tensor
    starts: Tensor
    names: Tensor

    def p_value(self, score: Tensor, group: Tensor) -> Tensor:
        """p = (1 + #{s_i >= score}) / (n_group + 1) [...], of scores [...] (larger is less alike) of groups int64
        [...]; a score of NaN counts as larger than all others."""
        index = torch.searchsorted(self.names, group.contiguous()).clamp_max(len(self.names) - 1)
        unknown = group[self.names[index] != group]
        if unknown.numel():
            raise ValueError(
                f"Conformal: group {int(unknown.flatten()[0])} was not calibrated, only {self.names.tolist()}; "
                "calibrate with observations of that group"
            )
        score = torch.where(score.isnan(), torch.inf, score).to(self.scores.dtype)
        p = torch.empty(score.shape, dtype=torch.float64, device=score.device)
        for i in index.unique().tolist():
            own = self.scores[self.starts[i] : self.starts[i + 1]]
            here = index == i
            below = torch.searchsorted(own, score[here].contiguous())  # scores that are smaller: ties count as unusual
            p[here] = (1.0 + len(own) - below.double()) / (len(own) + 1)
        return p


def fit_conformal(scores: Tensor, groups: Tensor) -> Conformal:
    """Calibrated on scores [n] of groups int64 [n]. With n_g scores of a group no p-value is below 1 / (n_g + 1)."""
    if scores.ndim != 1 or scores.shape != groups.shape or not len(scores) or scores.isnan().any():
        raise ValueError(
            f"fit_conformal: scores {list(scores.shape)}, groups {list(groups.shape)}, "
            f"{int(scores.isnan().sum())} scores NaN; give one number and one group for each of 1 or more observations"
        )
    names, sizes = groups.unique(return_counts=True)
    ordered = torch.cat([scores[groups == name].sort().values for name in names])
    starts = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    return Conformal(ordered.float(), starts, names)


def group_of_senses(present: Tensor) -> Tensor:
    """Which senses are there, bool [..., m] -> int64 [...]: the sum of 2^i over those present."""
    return (present.long() << torch.arange(present.shape[-1], device=present.device)).sum(-1)
