"""Sources of the objects of a store: families drawn by a seed, or a folder of meshes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

from smcrep.worlds.objects.families import FAMILIES, MAX_PER_SET, procedural
from smcrep.worlds.objects.meshes import find_meshes, load_mesh
from smcrep.worlds.objects.model import ObjectModel

CACHED_OBJECTS = 512
"""About 0.2 MB each with its texture; a process with more of them rebuilds them (5 ms)."""

BLOCK = 64
"""Clutter is drawn from the block of the object and not from all objects, so that a process reuses the meshes and
ray-casting scenes that it has cached (`casting.scene` caches as many)."""


@dataclass(frozen=True)
class ProceduralObjects:
    """The ``num`` objects of `families.procedural_set`; ``families`` () means all of them."""

    num: int
    seed: int = 0
    families: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = sorted(set(self.families) - set(FAMILIES))
        if unknown:
            raise ValueError(f"ProceduralObjects: no families {unknown}; choose from {', '.join(sorted(FAMILIES))}")
        if not 0 < self.num <= MAX_PER_SET:
            raise ValueError(f"ProceduralObjects: num is {self.num}; ask for 1 to {MAX_PER_SET} objects")
        if self.seed < 0:
            raise ValueError(f"ProceduralObjects: seed is {self.seed}; give a whole number of at least 0")


@dataclass(frozen=True)
class MeshObjects:
    """Meshes below the folder ``root``, in metres after ``unit`` and z up after ``up`` (see `meshes.load_mesh`).

    names     those to use, () for all that are found
    families  the family of each of ``names``, in the same order; (): every object is a family of its own
    """

    root: str
    unit: str = "m"
    up: str = "z"
    names: tuple[str, ...] = ()
    families: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.families and len(self.families) != len(self.names):
            raise ValueError(
                f"MeshObjects: {len(self.names)} names and {len(self.families)} families; give one family for each name"
            )


class ObjectSet(Sequence[ObjectModel]):
    """The objects of a source, each built at its first use; names and families are known before."""

    def __init__(self, source: ProceduralObjects | MeshObjects) -> None:
        self._source = source
        self._paths: list[Path] = []
        if isinstance(source, ProceduralObjects):
            cycle = source.families or tuple(FAMILIES)
            self._seeds = [source.seed * MAX_PER_SET + i for i in range(source.num)]
            self.families = [cycle[i % len(cycle)] for i in range(source.num)]
            self.names = [f"{family}-{seed}" for family, seed in zip(self.families, self._seeds, strict=True)]
        else:
            found = find_meshes(source.root)
            missing = [name for name in source.names if name not in found]
            if missing:
                raise ValueError(
                    f"{source.root}: no meshes named {', '.join(missing[:5])}; it has {len(found)}, "
                    f"such as {', '.join(list(found)[:3])}"
                )
            self.names = list(source.names or found)
            self.families = list(source.families or self.names)
            self._paths = [found[name] for name in self.names]
        self.classes = sorted(set(self.families))
        self.class_ids = [self.classes.index(family) for family in self.families]
        self._build = lru_cache(maxsize=CACHED_OBJECTS)(self._build_one)

    def _build_one(self, index: int) -> ObjectModel:
        match self._source:
            case ProceduralObjects():
                return procedural(self.families[index], self._seeds[index])
            case MeshObjects(unit=unit, up=up):
                loaded = load_mesh(self._paths[index], unit=unit, up=up, family=self.families[index])
                return replace(loaded, name=self.names[index])

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> ObjectModel: ...
    @overload
    def __getitem__(self, index: slice) -> list[ObjectModel]: ...
    def __getitem__(self, index: int | slice) -> ObjectModel | list[ObjectModel]:
        indices = range(len(self))[index]
        return [self._build(i) for i in indices] if isinstance(indices, range) else self._build(indices)

    def block(self, index: int) -> "Block":
        """The ``BLOCK`` objects that include ``index``, or all where there are fewer; the last block is as large as the
        others, and overlaps the one before."""
        first = max(0, min(index // BLOCK * BLOCK, len(self) - BLOCK))
        return Block(self, range(first, min(first + BLOCK, len(self))))


class Block(Sequence[ObjectModel]):
    """Some of the objects of a set, each built at its first use."""

    def __init__(self, objects: ObjectSet, indices: range) -> None:
        self.objects, self.indices = objects, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, i: Any) -> Any:
        return self.objects[self.indices[i]]


@lru_cache(maxsize=4)
def object_set(source: ProceduralObjects | MeshObjects) -> ObjectSet:
    """The set of a source, cached, so that a process keeps the objects it has built between shards."""
    return ObjectSet(source)
