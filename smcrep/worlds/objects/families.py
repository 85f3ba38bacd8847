"""Procedural objects, one for each seed, in families that share a structure and vary in every proportion."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from smcrep.worlds.objects.atlas import assemble
from smcrep.worlds.objects.families_abstract import ABSTRACT
from smcrep.worlds.objects.families_kitchen import KITCHEN
from smcrep.worlds.objects.families_tools import TOOLS
from smcrep.worlds.objects.families_toys import TOYS
from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.objects.shapes import Part

MAX_PER_SET = 1_000_000
"""Instances of one `procedural_set`: its seed s uses the instance seeds from s * MAX_PER_SET on."""


@dataclass(frozen=True)
class Family:
    """How to draw one instance: ``make`` returns its parts in any unit; the largest side of its bounding box is drawn
    log-uniformly between the two lengths."""

    make: Callable[[np.random.Generator], list[Part]]
    smallest_m: float
    largest_m: float


FAMILIES: dict[str, Family] = {
    name: Family(*entry) for group in (KITCHEN, TOOLS, TOYS, ABSTRACT) for name, entry in group.items()
}


def procedural(family: str, seed: int) -> ObjectModel:
    """The instance ``seed`` of ``family``, named "family-seed": the same two give the same bits.

    Raises ValueError for a family that does not exist or a negative seed.
    """
    if family not in FAMILIES:
        raise ValueError(f"procedural: there is no family {family!r}; choose from {', '.join(sorted(FAMILIES))}")
    if seed < 0:
        raise ValueError(f"procedural: the seed is {seed}; give a whole number of at least 0")
    maker = FAMILIES[family]
    rng = np.random.default_rng([zlib.crc32(family.encode()), seed])
    extent_m = float(np.exp(rng.uniform(np.log(maker.smallest_m), np.log(maker.largest_m))))
    return assemble(f"{family}-{seed}", family, maker.make(rng), extent_m, rng)


def procedural_set(num: int, seed: int, families: Sequence[str] | None = None) -> list[ObjectModel]:
    """``num`` objects that cycle through ``families`` (None: all). Sets of different seeds share no object, and a
    longer set of the same seed begins with the shorter one."""
    names = list(FAMILIES) if families is None else list(families)
    if not names:
        raise ValueError("procedural_set: families is empty; name at least one, or pass None for all")
    if not 0 < num <= MAX_PER_SET:
        raise ValueError(f"procedural_set: num is {num}; ask for 1 to {MAX_PER_SET} objects, more under another seed")
    return [procedural(names[i % len(names)], seed * MAX_PER_SET + i) for i in range(num)]
