"""Interventional positives: rows in which a signal was set after the observation, with the outcome that this had."""

import torch
from torch import Tensor


def from_interventions(share: Tensor, num_rows: int, generator: torch.Generator) -> Tensor:
    """bool [..., b]: rows of a batch to replace by interventional ones, each with probability ``share`` [...].

    In such a row the signal is drawn without looking at anything, after the observation was made, and the outcome is
    made anew: by a simulator, by a robot that explores, or from branches of a state. Whatever went wrong in the logged
    rows (a leak, a habit, mixed-up rows) is not in them.
    """
    if not bool(((share >= 0) & (share <= 1)).all()):
        raise ValueError(f"from_interventions: shares from {share.min():.3g} to {share.max():.3g}; give them in [0, 1]")
    return torch.rand(*share.shape, num_rows, generator=generator).to(share.device) < share[..., None]
