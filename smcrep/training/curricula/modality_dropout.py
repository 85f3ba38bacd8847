"""Modality dropout: other signals are hidden at random, so that the suspected one has to do without them."""

import torch
from torch import Tensor


def kept(rate: Tensor, suspects: Tensor, num_rows: int, generator: torch.Generator) -> Tensor:
    """bool [..., b, s]: which signals of a row stay. Hidden with probability ``rate``, each by itself, is every signal
    but the suspects: one never hides the signal under test together with the loss that needs it. In a row without
    suspects that would lose all, all stay.

    rate      [...], in [0, 1]; let it grow (`warm_up`).
    suspects  bool [..., s].

    What stands in for a hidden signal should be learned; zeros are a value like others.
    """
    if not bool(((rate >= 0) & (rate <= 1)).all()):
        raise ValueError(f"kept: rates from {rate.min():.3g} to {rate.max():.3g}; give shares in [0, 1]")
    suspects = suspects[..., None, :]
    drawn = torch.rand(*rate.shape, num_rows, suspects.shape[-1], generator=generator).to(rate.device)
    stay = (drawn >= rate[..., None, None]) | suspects
    return stay | ~stay.any(-1, keepdim=True)
