"""Fits the variances of `PosteriorFusion` to faults of sensors whose effect is known."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from smcrep.fusion.method import drop_senses
from smcrep.fusion.posterior import PosteriorFusion
from smcrep.fusion.variance import beta_nll
from smcrep.transition import Beliefs


@dataclass(frozen=True)
class VarianceFit:
    """AdamW with a cosine over ``steps`` batches; ``sense_dropout``: probability that a sense is absent in an
    observation of training (one always stays)."""

    steps: int = 1500
    batch: int = 256
    lr: float = 2e-3
    weight_decay: float = 0.01
    sense_dropout: float = 0.25
    beta: float = 0.5


def fit_variance(
    fusion: PosteriorFusion, clean: Beliefs, faulty: Beliefs, settings: VarianceFit, generator: torch.Generator
) -> Tensor:
    """Learn from beliefs [n, m, d] of the same observations, as they were and with faults (some without); returns the
    loss of each step [steps]. The shape of each sense's errors (`fault`) is their mean square over all rows."""
    if clean.mean.shape != faulty.mean.shape:
        raise ValueError(
            f"fit_variance: clean beliefs are {list(clean.mean.shape)}, faulty ones {list(faulty.mean.shape)}; give "
            "the same observations in the same order"
        )
    both = clean.present & faulty.present
    with torch.no_grad():
        error = fusion.readings(replace(faulty, present=both)) - fusion.readings(replace(clean, present=both))
        fusion.fault.copy_(_shape(fusion, error, both))
        readings = fusion.readings(replace(faulty, present=both))
    optimiser = torch.optim.AdamW(fusion.heads.parameters(), settings.lr, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    losses = []
    for _ in range(settings.steps):
        rows = torch.randint(len(readings), (settings.batch,), generator=generator)
        present = drop_senses(both[rows], settings.sense_dropout, generator)
        variance = fusion.variance(torch.where(present[..., None], readings[rows], 0), present)
        expected = variance[..., None] * fusion.fault
        nll = beta_nll(error[rows] / fusion.fault.sqrt(), (expected / fusion.fault).where(present[..., None], 1))
        loss = nll.where(present[..., None], 0).sum() / present.sum() / fusion.num_reading
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(loss.detach())
    return torch.stack(losses)


def _shape(fusion: PosteriorFusion, error: Tensor, present: Tensor) -> Tensor:
    """[m, p]: mean square error of each number, scaled so that their mean is the variance of clean readings."""
    square = (error.square() * present[..., None]).sum(0) / present.sum(0)[:, None].clamp(min=1)
    usual = (fusion.between + fusion.within).diagonal().unflatten(0, (fusion.num_senses, -1)).mean(-1, keepdim=True)
    mean = square.mean(-1, keepdim=True)
    shape = torch.where(mean > 0, square / mean.clamp(min=1e-12), 1)
    return usual * (0.9 * shape + 0.1)  # a number that no fault of training touches is not for ever exact
