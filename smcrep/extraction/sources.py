"""Which source: its kind, its path and what of it stands for which sense, as text that a command line and a manifest
hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smcrep.data.readers.depth_clouds import Intrinsics
from smcrep.data.readers.source import Source
from smcrep.data.store import Store
from smcrep.extraction.store_source import StoreRows


@dataclass(frozen=True)
class SourceSpec:
    """kind        a key of `KINDS`
    columns     sense -> camera, column or array that gives it; empty: found by their usual names
    intrinsics  fx, fy, cx, cy of the depth camera, pixels: clouds are made of depth with them
    """

    kind: str
    path: str
    columns: dict[str, str] = field(default_factory=dict)
    intrinsics: tuple[float, ...] | None = None

    def open(self) -> Source:
        if self.kind not in KINDS:
            raise ValueError(f"source {self.kind!r} is not known; give one of {', '.join(KINDS)}, as KIND:PATH")
        return KINDS[self.kind](self)

    def to_json(self) -> dict[str, Any]:
        return {"columns": self.columns, "intrinsics": list(self.intrinsics) if self.intrinsics else None}

    @property
    def camera(self) -> Intrinsics | None:
        return Intrinsics(*self.intrinsics) if self.intrinsics else None


def parse(text: str, columns: Sequence[str] = (), intrinsics: str | None = None) -> SourceSpec:
    """``KIND:PATH``, ``SENSE=COLUMN`` each, and ``fx,fy,cx,cy``, as a command line gives them; a path without a kind is
    a store."""
    kind, colon, path = text.partition(":")
    if not colon:
        kind, path = "store", text
    pairs = [entry.partition("=") for entry in columns]
    if wrong := [
        entry for entry, (sense, sign, name) in zip(columns, pairs, strict=True) if not (sense and sign and name)
    ]:
        raise ValueError(f"column {wrong[0]!r}: give SENSE=COLUMN, such as depth=observation.images.depth")
    numbers = None
    if intrinsics is not None:
        try:
            fx, fy, cx, cy = map(float, intrinsics.split(","))
        except ValueError:
            raise ValueError(f"intrinsics {intrinsics!r}: give four numbers of pixels, fx,fy,cx,cy") from None
        numbers = fx, fy, cx, cy
    return SourceSpec(kind, path, {sense: name for sense, _, name in pairs}, numbers)


def _store(spec: SourceSpec) -> Source:
    return StoreRows(Store(spec.path))


def _images(spec: SourceSpec) -> Source:
    from smcrep.data.readers.picture_files import PictureFiles

    return PictureFiles(spec.path)


def _clouds(spec: SourceSpec) -> Source:
    from smcrep.data.readers.cloud_files import CloudFiles

    return CloudFiles(spec.path)


def _parquet(spec: SourceSpec) -> Source:
    from smcrep.data.readers.table_rows import TableRows

    return TableRows(spec.path, spec.columns)


def _zarr(spec: SourceSpec) -> Source:
    from smcrep.data.readers.zarr_episodes import ZarrEpisodes

    return ZarrEpisodes(spec.path, spec.columns)


def _lerobot(spec: SourceSpec) -> Source:
    from smcrep.data.readers.lerobot import LeRobotRows

    return LeRobotRows(spec.path, spec.columns, spec.camera)


KINDS: dict[str, Callable[[SourceSpec], Source]] = {
    "store": _store,
    "images": _images,
    "parquet": _parquet,
    "clouds": _clouds,
    "zarr": _zarr,
    "lerobot": _lerobot,
}


def as_spec(source: Path | str | SourceSpec) -> SourceSpec:
    """A path is that of a store."""
    return source if isinstance(source, SourceSpec) else SourceSpec("store", str(source))
