"""One rule for the invariant part of an embedding and another for its equivariant part."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from smcrep.transition import Beliefs

Rule = Callable[[Beliefs], tuple[Tensor, Tensor]]


def by_part(num_invariant: int, *, invariant: Rule, equivariant: Rule) -> Rule:
    """A rule that fuses the first ``num_invariant`` numbers by one rule and the others by another.

    The invariant part of the senses has norm 1, so `von_mises_fisher` suits it. The weight is the two parts' weights
    averaged over the numbers that they are of.
    """

    def fuse(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
        dim = beliefs.mean.shape[-1]
        if not 0 < num_invariant < dim:
            raise ValueError(f"by_part: num_invariant is {num_invariant} of {dim} numbers; give 1 to {dim - 1}")
        log_precision = beliefs.log_precision.expand_as(beliefs.mean)
        first, second = (
            rule(replace(beliefs, mean=beliefs.mean[..., part], log_precision=log_precision[..., part]))
            for rule, part in ((invariant, slice(num_invariant)), (equivariant, slice(num_invariant, None)))
        )
        share = num_invariant / dim
        return torch.cat([first[0], second[0]], -1), share * first[1] + (1 - share) * second[1]

    return fuse
