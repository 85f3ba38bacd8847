"""Counterfactual retrieval: does the model know which signal was applied, among others that could have been?

Ranks, not scores: they do not move with a temperature or a scale, and ties count by chance, so that a signal that is
not used reads chance wherever the true one is stored.
"""

from collections.abc import Sequence

import numpy as np
import torch

from smcrep.probes.collapse.adapter import Adapter, Batch
from smcrep.probes.intervals import Estimate, over_units
from smcrep.probes.retrieval import Ranks, rank


def counterfactual_ranks(adapter: Adapter, batch: Batch, counterfactuals: Sequence[Batch]) -> Ranks:
    """Ranks [b] of each row's true signal among it and K counterfactuals, by the score of the row's own target.

    counterfactuals  K replacements of one signal, such as the other actions that the simulator branched from the same
                     state (`cfr` is CFR@K then), those of other rows of a stratum (`replacement.derangement`), or of
                     matched states, whose validity is weaker. Cost: K + 1 passes.

    What it cannot see: interventions without effect count against the model (leave out those whose outcomes differ by
    less than the sensor's noise); a leak of the action into the observation after it reads as use.
    """
    with torch.no_grad():
        scores = [adapter.score(batch, replaced) for replaced in ({}, *counterfactuals)]
    columns = torch.stack(scores, -1).double().cpu().numpy()
    return rank(columns, np.zeros(len(columns), np.int64))


def cfr(ranks: Ranks, units: np.ndarray | None = None) -> Estimate:
    """CFR@K: share of rows whose true signal ranks first, rescaled so that chance is 0 and all is 1:
    (c - 1 / (K + 1)) / (K / (K + 1)), K + 1 candidates. Interval over units [b] (state or object)."""
    chance = 1 / ranks.num_candidates
    return over_units((ranks.hits(1) - chance) / (1 - chance), units)


def pairs(ranks: Ranks) -> np.ndarray:
    """float64 [b] in [-1, 1] for `sequential`: share of the K counterfactuals that rank below the true signal minus the
    share that ranks above. Mean 0 where the signal is not used, 1 where it is always told from all others.

    Average those of one state first. Counterfactuals taken from rows of the same batch tie its pairs to each other a
    little; take them from other rows where the guarantee is to hold exactly."""
    others = ranks.num_candidates - 1
    below = others - ranks.higher - (ranks.tied - 1)
    return (below - ranks.higher) / others
