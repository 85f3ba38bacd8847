"""How a sensor behaves that goes wrong, whatever it senses: absent, stuck, lagging, showing another object, biased, or
failing together with others. `corrupt` uses none of them: they are held out from training.

Here `Senses` have one leading axis [n]; severity is float [n] in 0..1, and 0 changes nothing, to the bit.

    senses = shown(senses, POINTS.name, stuck_rows(stream_id, severity))
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from smcrep.corruptions.corruption import Corruption
from smcrep.transition import Senses

MAX_LAG = 8
"""Observations by which a lagging sense is late at severity 1."""


def absent(senses: Senses, name: str, severity: Tensor, generator: torch.Generator) -> Senses:
    """The sense is absent by chance s, where it was present."""
    lost = torch.rand(len(severity), generator=generator, device=generator.device) < severity.to(generator.device)
    present = senses.present[name]
    return Senses(senses.data, senses.present | {name: present & ~lost.to(present.device)})


def shown(senses: Senses, name: str, rows: Tensor) -> Senses:
    """The sense, and whether it is present, as in ``rows`` (int64 [n]); the other senses as they are."""
    return Senses(
        senses.data | {name: senses.data[name][rows]},
        senses.present | {name: senses.present[name][rows]},
    )


def stuck_rows(stream_id: Tensor, severity: Tensor) -> Tensor:
    """int64 [n]: the row shown instead. Of a stream of L observations, all from place round((1 - s) (L - 1)) on show
    the one there: at severity 1 the first. Rows of equal ``stream_id`` (int64 [n]) are in the order of time."""
    order, first, place, length = _streams(stream_id)
    last = ((1 - severity.to(stream_id.device)) * (length - 1)).round().long()
    return order[first + torch.minimum(place, last)]


def lagging_rows(stream_id: Tensor, severity: Tensor) -> Tensor:
    """int64 [n]: the row shown instead, round(MAX_LAG s) places earlier in its stream, or the stream's first. Rows of
    equal ``stream_id`` (int64 [n]) are in the order of time."""
    order, first, place, _ = _streams(stream_id)
    late = (MAX_LAG * severity.to(stream_id.device)).round().long()
    return order[first + (place - late).clamp(min=0)]


def replaced_rows(object_id: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """int64 [n]: by chance s, a row of another object (``object_id`` int64 [n]), each as likely; else the row
    itself. Sharp observations, confidently wrong."""
    order, first, _, length = _streams(object_id)
    num = len(object_id)
    if len(object_id) and (length == num).all():
        raise ValueError(f"replaced: all {num} rows are of one object; give observations of two or more")
    drawn = torch.rand(2, num, generator=generator, device=generator.device).to(object_id.device)
    other = (drawn[0].double() * (num - length)).long()
    other = other + torch.where(other >= first, length, 0)  # skips the rows of the object itself
    itself = torch.arange(num, device=object_id.device)
    return torch.where(drawn[1] < severity.to(object_id.device), order[other], itself)


def _streams(stream_id: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """order int64 [n]: the rows, stream by stream; and for each row, where its stream begins in ``order``, its place in
    the stream, the stream's length."""
    order = stream_id.argsort(stable=True)
    _, number, count = stream_id.unique(return_inverse=True, return_counts=True)
    first, length = (count.cumsum(0) - count)[number], count[number]
    position = torch.empty_like(order)
    position[order] = torch.arange(len(order), device=order.device)
    return order, first, position - first, length


def biased(kind: Corruption, data: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """``kind`` with the same random numbers for all rows: a sensor out of calibration, yet sharp, if the kind draws one
    shift, turn, gain or cast for a row. Row by row."""
    state, out = generator.get_state(), data.clone()
    for row in range(len(data)):
        generator.set_state(state)
        out[row : row + 1] = kind(data[row : row + 1], severity[row : row + 1], generator)
    return out


def correlated(senses: Senses, kinds: Mapping[str, Corruption], severity: Tensor, generator: torch.Generator) -> Senses:
    """Several senses fail at once: each of ``kinds`` (by sense) at one and the same severity of a row."""
    return Senses(
        senses.data | {name: kind(senses.data[name], severity, generator) for name, kind in kinds.items()},
        senses.present,
    )
