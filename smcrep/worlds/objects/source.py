"""Sources of the objects of a store: families drawn by a seed, or a folder of meshes."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

from smcrep.worlds.objects.cache import ByteCache
from smcrep.worlds.objects.content import content_hash
from smcrep.worlds.objects.families import FAMILIES, MAX_PER_SET, procedural
from smcrep.worlds.objects.finding import find_meshes
from smcrep.worlds.objects.meshes import load_mesh
from smcrep.worlds.objects.model import ObjectModel

MAX_CACHED_BYTES = 1 << 30
"""Of the objects that a process keeps, over all sets: 5,000 procedural ones, or 20 with 4,096 x 4,096 texels. What has
no place is built again at its next use (5 ms, and about 0.2 s for a scan)."""
_CACHE: ByteCache[ObjectModel] = ByteCache(MAX_CACHED_BYTES, lambda thing: thing.nbytes)
_SETS = itertools.count()

BLOCK = 64
"""Clutter is drawn from the block of the object and not from all objects, so that a process reuses the meshes and
ray-casting scenes that it has cached (`rendering.prepared`)."""


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

    root      is kept resolved, so that the same folder spelt differently is the same
    names     those to use, () for all that are found
    families  the family of each of ``names``, in the same order; (): every object is a family of its own
    content   "hash name" of each object, found where it is not given (`content.content_hash`): a store that was made of
              other bytes is told apart
    """

    root: str
    unit: str = "m"
    up: str = "z"
    names: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    content: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", str(Path(self.root).expanduser().resolve()))
        object.__setattr__(self, "content", self._contents())
        if self.families and len(self.families) != len(self.names):
            raise ValueError(
                f"MeshObjects: {len(self.names)} names and {len(self.families)} families; give one family for each name"
            )

    def _contents(self) -> tuple[str, ...]:
        """Those given of the names in use, and those of the files that are there."""
        given = {entry.partition(" ")[2]: entry for entry in self.content}
        if self.names and all(name in given for name in self.names):
            return tuple(given[name] for name in self.names)
        try:
            found = find_meshes(self.root)
        except ValueError:  # a record of a folder that is not here; whoever opens it is told
            return self.content
        wanted = [name for name in self.names or found if name in found]
        return tuple(given.get(name) or self.content_of(name, found[name]) for name in wanted)

    def content_of(self, name: str, path: Path) -> str:
        """The entry of ``content`` of an object whose file is ``path``."""
        return f"{content_hash(path, Path(self.root))} {name}"


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
            stale = set(source.content) - {
                source.content_of(n, p) for n, p in zip(self.names, self._paths, strict=True)
            }
            if source.content and stale:
                changed = ", ".join(sorted(entry.partition(" ")[2] for entry in stale)[:5])
                raise ValueError(
                    f"{source.root}: {len(stale)} meshes (or their materials or textures) have changed since they were"
                    f" recorded: {changed}; make a new store, or put the old files back"
                )
        self.classes = sorted(set(self.families))
        self.class_ids = [self.classes.index(family) for family in self.families]
        self._number = next(_SETS)

    def _build_one(self, index: int) -> ObjectModel:
        match self._source:
            case ProceduralObjects():
                return procedural(self.families[index], self._seeds[index])
            case MeshObjects(unit=unit, up=up, root=root):
                family = self.families[index]
                loaded = load_mesh(self._paths[index], unit=unit, up=up, family=family, root=root)
                return replace(loaded, name=self.names[index])

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> ObjectModel: ...
    @overload
    def __getitem__(self, index: slice) -> list[ObjectModel]: ...
    def __getitem__(self, index: int | slice) -> ObjectModel | list[ObjectModel]:
        indices = range(len(self))[index]
        return [self._built(i) for i in indices] if isinstance(indices, range) else self._built(indices)

    def _built(self, index: int) -> ObjectModel:
        return _CACHE.get((self._number, index), lambda: self._build_one(index))

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
