"""Observations with what goes wrong with their sensors: drawn for each observation and each of its senses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.corruptions.corruption import Corruption
from smcrep.corruptions.table import CORRUPTIONS
from smcrep.transition import Senses

CLEAN = -1
"""`Drawn.kind` of an observation that nothing happens to."""


@dataclass(frozen=True)
class Drawn:
    """What happens to one sense.

    kinds     among which was drawn.
    kind      int64 [...]: number of the kind; `CLEAN` where nothing happens.
    severity  float32 [...] in 0..1; 0 where nothing happens.
    """

    kinds: tuple[Corruption, ...]
    kind: Tensor
    severity: Tensor


def draw_corruptions(
    senses: Senses,
    probability: float,
    generator: torch.Generator,
    *,
    kinds: Mapping[str, Sequence[Corruption]] | None = None,
    keep_one: bool = False,
) -> dict[str, Drawn]:
    """Sense -> what happens to it: with ``probability``, independently for each observation and sense that is present,
    one of its ``kinds``, each as likely, with a severity uniform from 0 to 1. A sense without kinds stays clean.

    kinds     sense -> among which is drawn; None: those of training.
    keep_one  where all senses of an observation would be corrupted, one of them, each as likely, stays clean.
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"corrupt: probability is {probability}; give a number from 0 to 1")
    if kinds is None:
        kinds = {name: CORRUPTIONS.training(name) for name in senses}
    shape, where, names = senses.batch_shape, generator.device, tuple(senses)
    present = torch.stack([senses.present[name].to(where) for name in names], -1)  # [..., m]
    hit = (torch.rand(present.shape, generator=generator, device=where) < probability) & present
    hit = hit & torch.tensor([bool(kinds.get(name)) for name in names], device=where)
    severity = torch.rand(present.shape, generator=generator, device=where)
    if keep_one:
        lot = torch.rand(present.shape, generator=generator, device=where).masked_fill(~present, -1)
        kept = lot.argmax(-1, keepdim=True) == torch.arange(len(names), device=where)
        hit = hit & ~(kept & (hit == present).all(-1, keepdim=True))
    drawn = {}
    for i, name in enumerate(names):
        own = tuple(kinds.get(name, ()))
        kind = torch.randint(max(1, len(own)), shape, generator=generator, device=where)
        drawn[name] = Drawn(own, torch.where(hit[..., i], kind, CLEAN), torch.where(hit[..., i], severity[..., i], 0))
    return drawn


def apply_corruptions(senses: Senses, drawn: Mapping[str, Drawn], generator: torch.Generator) -> Senses:
    """The observations with what was drawn for them; those that nothing happens to are unchanged to the bit."""
    data = dict(senses.data)
    for name, own in drawn.items():
        rows = data[name].flatten(0, len(senses.batch_shape) - 1)
        number, severity = own.kind.flatten(), own.severity.flatten()
        if (number == CLEAN).all():
            continue
        out = rows.clone()
        for i, kind in enumerate(own.kinds):
            chosen = (number == i).nonzero().flatten()
            if len(chosen):
                here = chosen.to(rows.device)
                out[here] = kind(rows[here], severity[chosen], generator)
        data[name] = out.view_as(data[name])
    return Senses(data, senses.present)


def corrupt(
    senses: Senses,
    probability: float,
    generator: torch.Generator,
    *,
    kinds: Mapping[str, Sequence[Corruption]] | None = None,
    keep_one: bool = False,
) -> Senses:
    """`draw_corruptions`, then `apply_corruptions`."""
    drawn = draw_corruptions(senses, probability, generator, kinds=kinds, keep_one=keep_one)
    return apply_corruptions(senses, drawn, generator)
