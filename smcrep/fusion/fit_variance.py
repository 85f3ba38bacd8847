"""Fits the variances of `WeightedDirections` to faults of sensors whose effect is known."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from smcrep.fusion.directions import QUANTILE, WeightedDirections
from smcrep.fusion.method import drop_senses
from smcrep.fusion.variance import VarianceHead, beta_nll
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
    fusion: WeightedDirections, clean: Beliefs, faulty: Beliefs, settings: VarianceFit, generator: torch.Generator
) -> Tensor:
    """Learn from beliefs [n, m, d] of the same observations, as they were and with faults (some without); returns the
    loss of each step [steps]."""
    if clean.mean.shape != faulty.mean.shape:
        raise ValueError(
            f"fit_variance: clean beliefs are {list(clean.mean.shape)}, faulty ones {list(faulty.mean.shape)}; give "
            "the same observations in the same order"
        )
    both = clean.present & faulty.present
    with torch.no_grad():
        turned = fusion.directions(replace(faulty, present=both)) - fusion.directions(replace(clean, present=both))
        error = turned.square().sum(-1).div(2).sqrt()  # [n, m]
        readings = fusion.usual(clean)
        for m, head in enumerate(fusion.heads):
            assert isinstance(head, VarianceHead)
            own = readings[clean.present[:, m], m]
            head.mean.copy_(own.mean(0))
            head.std.copy_(torch.where(own.std(0) > 1e-6, own.std(0), 1))
    optimiser = torch.optim.AdamW(fusion.heads.parameters(), settings.lr, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    losses = []
    for _ in range(settings.steps):
        rows = torch.randint(len(error), (settings.batch,), generator=generator)
        present = drop_senses(both[rows], settings.sense_dropout, generator)
        variance = fusion.variance(replace(faulty[rows], present=present))
        nll = beta_nll(error[rows], torch.where(present, variance, 1), settings.beta)
        loss = torch.where(present, nll, 0).sum() / present.sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(loss.detach())
    with torch.no_grad():
        usual = fusion.variance(clean)
        for m in range(fusion.num_senses):
            fusion.clean[m] = usual[clean.present[:, m], m].quantile(QUANTILE)
    return torch.stack(losses)
