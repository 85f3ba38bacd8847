"""Small encoders of views, trained together on clean labelled items, and beliefs of what they read, faults and all."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.evaluation.broken_senses import ABSENT, REPLACED, Fault
from smcrep.evaluation.fusion_views import NUM_CLASSES, Items, Views, features
from smcrep.fusion.baselines.fitting import drawn_by
from smcrep.transition import Beliefs

DIM = 64
HIDDEN = 64
STEPS = 400
BATCH = 64
LEAST_STD = 0.5
"""Of the mean over features: one that hardly varies would magnify noise."""
CONCENTRATIONS = (1.0, 30.0)
"""Least and largest kappa that an encoder may state."""


class ViewEncoder(nn.Module):
    """Features [n, f] -> direction [n, DIM] and log concentration [n]."""

    def __init__(self, clean: Tensor) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", clean.mean(0))
        std = clean.std(0)
        self.register_buffer("std", std.clamp(min=LEAST_STD * float(std.mean())))
        self.layers = nn.Sequential(nn.Linear(clean.shape[1], HIDDEN), nn.GELU(), nn.Dropout(0.3))
        self.direction, self.concentration = nn.Linear(HIDDEN, DIM), nn.Linear(HIDDEN, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.layers((x - self.mean) / self.std)
        low, high = (torch.tensor(c).log() for c in CONCENTRATIONS)
        return F.normalize(self.direction(h), dim=-1), low + (high - low) * self.concentration(h)[:, 0].sigmoid()


class ViewEncoders(nn.Module):
    """One a view; all know the classes by the same directions, so that their beliefs can be fused."""

    def __init__(self, views: Views, generator: torch.Generator) -> None:
        super().__init__()
        self.names, self.kinds = views.names, views.kinds
        clean = views.items["encode"]
        with drawn_by(generator):
            self.encoders = nn.ModuleDict({name: ViewEncoder(features(clean.raw[name])) for name in self.names})

    @torch.no_grad()
    def believe(self, raw: dict[str, Tensor]) -> Beliefs:
        """Beliefs [n], all present."""
        read = [self.encoders[name](features(raw[name])) for name in self.names]
        mean, log_precision = (torch.stack(parts, 1) for parts in zip(*read, strict=True))
        present = torch.ones(mean.shape[:2], dtype=torch.bool)
        return Beliefs(mean, log_precision[..., None], present, self.names)

    def broken(self, items: Items, faults: tuple[Fault, ...], seed: int) -> Beliefs:
        """Beliefs where every item suffers all of ``faults``; numbers are drawn by ``seed``."""
        generator, raw = torch.Generator().manual_seed(seed), dict(items.raw)
        gone = torch.tensor([any(f.sense == name and f.kind == ABSENT for f in faults) for name in self.names])
        for fault in faults:
            data = raw[fault.sense]
            if fault.kind == REPLACED:
                raw[fault.sense] = data[_of_another_class(items.label, generator)]
            elif fault.kind != ABSENT:
                kind = next(own for own in self.kinds[fault.sense] if own.name == fault.kind)
                raw[fault.sense] = kind(data, torch.full((len(data),), fault.severity), generator)
        beliefs = self.believe(raw)
        there = ~gone
        return Beliefs(
            torch.where(there[:, None], beliefs.mean, 0), beliefs.log_precision, beliefs.present & there, self.names
        )

    def faulty(self, items: Items, probability: float, generator: torch.Generator) -> Beliefs:
        """Beliefs where each view of each item has, with ``probability``, a fault of the kinds of training, each as
        likely, of a severity that is uniform in 0..1."""
        raw = {}
        for name in self.names:
            data, kinds = items.raw[name], [kind for kind in self.kinds[name] if kind.in_training]
            severity = torch.rand(len(data), generator=generator)
            which = torch.randint(len(kinds), (len(data),), generator=generator)
            struck = torch.rand(len(data), generator=generator) < probability
            for number, kind in enumerate(kinds):
                own = struck & (which == number)
                data = kind(data, torch.where(own, severity, 0), generator)
            raw[name] = data
        return self.believe(raw)


def fit_encoders(views: Views, generator: torch.Generator, *, steps: int = STEPS) -> ViewEncoders:
    """Cross-entropy of kappa_m cos(x_m, w_c), summed over the views m, with directions w_c that all share; kappa is
    what the encoder states of an item. AdamW, batches drawn with replacement, clean items alone."""
    encoders, clean = ViewEncoders(views, generator), views.items["encode"]
    read = {name: features(clean.raw[name]) for name in views.names}
    classes = nn.Parameter(torch.randn(NUM_CLASSES, DIM, generator=generator))
    optimiser = torch.optim.AdamW([*encoders.parameters(), classes], 2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    with drawn_by(generator):  # dropout
        for _ in range(steps):
            rows = torch.randint(len(clean.label), (BATCH,), generator=generator)
            loss = torch.zeros(())
            for name, x in read.items():
                direction, log_kappa = encoders.encoders[name](x[rows])
                logits = log_kappa.exp()[:, None] * direction @ F.normalize(classes, dim=-1).T
                loss = loss + F.cross_entropy(logits, clean.label[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return encoders.eval()


def view_faults(views: Views, severities: tuple[float, ...]) -> list[Fault]:
    """Every kind of every view at each severity, then what happens to whole views."""
    found = [Fault(name, kind.name, s) for name, kinds in views.kinds.items() for kind in kinds for s in severities]
    return found + [Fault(name, kind, 1.0) for kind in (ABSENT, REPLACED) for name in views.names]


def in_training(views: Views, fault: Fault) -> bool:
    """Whether fusion was learned on this kind."""
    return any(kind.name == fault.kind and kind.in_training for kind in views.kinds[fault.sense])


def _of_another_class(label: Tensor, generator: torch.Generator) -> Tensor:
    """int64 [n]: a random row of another class for each row."""
    different = label[:, None] != label
    return torch.multinomial(different.float(), 1, generator=generator)[:, 0]
