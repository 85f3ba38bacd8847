"""What the package knows of a way in which a sense goes wrong: one record, found by the sense's name and its own."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Apply = Callable[[Tensor, Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class Corruption:
    """One thing that goes wrong with one sense.

    name         in the table, in pictures.
    sense        name of the sense whose data it takes.
    apply        (data [n, *item], severity float [n] in 0..1, generator) -> the same shape and type. A row of severity
                 0 is unchanged to the bit; a row depends on its own data, severity and place in the batch alone.
    zero_mean    it is independent noise of mean 0 in every number, as long as none leaves its range.
    in_training  among the kinds that models are trained with; the others are held out, for tests.
    effect       what severity 1 does, in words, with the unit.
    size         the number in ``effect`` where the effect grows linearly with the severity: severity s does s * size.
    """

    name: str
    sense: str
    apply: Apply
    zero_mean: bool
    in_training: bool
    effect: str
    size: float | None = None

    def __call__(self, data: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
        """``apply`` with its arguments checked: ValueError in one line."""
        if severity.shape != data.shape[:1] or not severity.is_floating_point():
            raise ValueError(
                f"{self.name}: severity is {severity.dtype} {list(severity.shape)} for {len(data)} observations; give "
                "one floating-point number each"
            )
        if not ((severity >= 0) & (severity <= 1)).all():
            low, high = severity.min().item(), severity.max().item()
            raise ValueError(f"{self.name}: severities go from {low:.3g} to {high:.3g}; give numbers from 0 to 1")
        return self.apply(data, severity, generator)

    def severity(self, size: float) -> float:
        """That which does ``size``, in the unit of ``effect``: of pictures' noise, .1 of full scale."""
        if self.size is None:
            raise ValueError(f"{self.name}: its effect is not linear ({self.effect}); give a severity from 0 to 1")
        if not 0 <= size <= self.size:
            raise ValueError(f"{self.name}: {size:g} is out of reach ({self.effect}); give 0 to {self.size:g}")
        return size / self.size


class CorruptionTable(Mapping[tuple[str, str], Corruption]):
    """Corruptions by (sense, name), in the order in which they were registered."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], Corruption] = {}
        self._shipped: frozenset[tuple[str, str]] = frozenset()

    def __getitem__(self, key: tuple[str, str]) -> Corruption:
        if key not in self._by_name:
            sense, name = key
            known = ", ".join(kind.name for kind in self.of(sense)) or "none"
            raise ValueError(
                f"corruptions: {sense!r} has no corruption {name!r}, only {known}; import the module that registers "
                "it (smcrep.corruptions.register) first"
            )
        return self._by_name[key]

    def __contains__(self, key: object) -> bool:
        return key in self._by_name

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def of(self, sense: str) -> tuple[Corruption, ...]:
        """All of one sense; none for a sense that nobody corrupts."""
        return tuple(kind for kind in self._by_name.values() if kind.sense == sense)

    def training(self, sense: str) -> tuple[Corruption, ...]:
        """Those of one sense that models are trained with."""
        return tuple(kind for kind in self.of(sense) if kind.in_training)

    def held_out(self, sense: str) -> tuple[Corruption, ...]:
        """Those of one sense that no training sees."""
        return tuple(kind for kind in self.of(sense) if not kind.in_training)

    def register(self, kind: Corruption) -> Corruption:
        """Add ``kind`` (or replace one of yours with that name) and return it."""
        key = (kind.sense, kind.name)
        if key in self._shipped:
            raise ValueError(
                f"corruptions: {kind.name!r} of {kind.sense!r} is a corruption of smcrep; give yours another name"
            )
        self._by_name[key] = kind
        return kind

    def seal(self) -> None:
        """What is there by now is the package's own."""
        self._shipped = frozenset(self._by_name)
