"""The learning rate at a step, as a function: nothing to save, nothing to forget on resuming."""

import math

from smcrep.training.recipes import Optim


def learning_rate(step: int, optim: Optim) -> float:
    """Linear warm-up from lr / warmup to lr over the first ``warmup`` steps, then half a cosine that would reach 0 at
    step ``steps`` (counted from 0, so the last step still learns a little)."""
    if step < optim.warmup:
        return optim.lr * (step + 1) / optim.warmup
    done = (step - optim.warmup) / max(1, optim.steps - optim.warmup)
    return optim.lr * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
