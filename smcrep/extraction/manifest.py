"""What an extraction is: which model over which rows of which source, cut into shards. Decides nothing at run time."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from smcrep.data.seal import SEAL, sealed
from smcrep.extraction.output import DTYPES, OF_SENSES, Output
from smcrep.extraction.sources import SourceSpec
from smcrep.files import atomic_write_bytes
from smcrep.transition import FUSED

FILE = "manifest.json"
MAX_SHARDS = 100_000
"""Their files have numbers of five digits."""
WHEREABOUTS = ("store", "model")
"""Paths: the same files may lie elsewhere, their sums say that they are the same."""


@dataclass(frozen=True)
class EmbeddingManifest:
    """Shard i holds rows [i * rows_per_shard, (i + 1) * rows_per_shard) of the source, in order.

    store         path of the source
    store_sha256  its fingerprint (`Source.fingerprint`); of a store `data.store.identity`
    senses        of the model, in the order of the columns of weight, precision, p_value and present
    version       of this record; 1 had the sum of a store's manifest alone, 2 stores alone and float32
    kind          of the source (`sources.KINDS`)
    transform     columns and intrinsics of the source, and ``senses``, those that were read
    parts, dtype, normalised  `output.Output`
    config        of the model
    """

    store: str
    store_sha256: str
    model: str
    model_sha256: str
    num_rows: int
    rows_per_shard: int
    embed_dim: int
    num_invariant: int
    senses: tuple[str, ...]
    smcrep: str
    version: int = 3
    kind: str = "store"
    transform: dict[str, Any] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    dtype: str = "float32"
    normalised: bool = False
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def num_shards(self) -> int:
        return -(-self.num_rows // self.rows_per_shard)

    @property
    def output(self) -> Output:
        return Output(self.parts, self.dtype, self.normalised)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tensors of a shard, ``present`` and ``row`` aside."""
        return self.output.of(self.senses)

    @property
    def source(self) -> SourceSpec:
        numbers = self.transform.get("intrinsics")
        return SourceSpec(self.kind, self.store, self.transform.get("columns", {}), tuple(numbers) if numbers else None)

    def width(self, name: str) -> int | None:
        """Length of a vector of that name; None of tokens, whose shape the encoder decides."""
        _, _, part = name.partition(".")
        if name in OF_SENSES:
            return len(self.senses)
        lengths = {"": self.embed_dim, "invariant": self.num_invariant, "tokens": None}
        return lengths.get(part, self.embed_dim - self.num_invariant)

    def rows(self, shard_id: int) -> range:
        return range(shard_id * self.rows_per_shard, min((shard_id + 1) * self.rows_per_shard, self.num_rows))

    def shard(self, out: Path, shard_id: int) -> Path:
        return out / f"shard-{shard_id:05d}.safetensors"

    def best(self) -> str:
        """The part that a search by cosine should use, of those that were written: the invariant one if it can be
        had."""
        parts = [n for n in self.names if n.endswith(".invariant")] + [
            n for n in (FUSED, *self.senses) if n in self.names
        ]
        if not parts:
            raise ValueError(f"no vectors to search by in this extraction: it holds {', '.join(self.names)}")
        return f"{FUSED}.invariant" if f"{FUSED}.invariant" in parts else parts[0]


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def begin(out: Path, manifest: EmbeddingManifest) -> None:
    """Makes ``out``, a folder, that of ``manifest``; one that already belongs to another extraction is refused."""
    path = out / FILE
    if path.exists():
        known = asdict(read_manifest(out))
        changed = [k for k, v in asdict(manifest).items() if known[k] != v and k not in WHEREABOUTS]
        if changed:
            raise ValueError(
                f"{out}: holds another extraction ({', '.join(changed)} differ); "
                "choose a new --out or remove the folder"
            )
        return
    atomic_write_bytes(path, sealed(asdict(manifest)))


def read_manifest(out: Path) -> EmbeddingManifest:
    path = out / FILE
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        fields.pop(SEAL, None)
        lists = {name: tuple(fields[name]) for name in ("senses", "parts") if name in fields or name == "senses"}
        manifest = EmbeddingManifest(**fields | lists)
        check(manifest)
        return manifest
    except FileNotFoundError:
        raise ValueError(f"{out}: no {FILE} in it; this is not a folder of embeddings") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{path}: not a manifest of embeddings ({error!r}); remove the folder and extract again"
        ) from None


def check(manifest: EmbeddingManifest) -> None:
    """ValueError where a field of ``manifest`` cannot be one."""
    for name in ("num_rows", "rows_per_shard", "embed_dim", "num_invariant", "version"):
        value = getattr(manifest, name)
        if type(value) is not int or not 1 <= value < 2**48:
            raise ValueError(f"{name} is {value!r}")
    if manifest.num_shards > MAX_SHARDS:
        raise ValueError(
            f"{manifest.num_shards} shards of {manifest.rows_per_shard} rows are more than {MAX_SHARDS}; "
            "give more rows to a shard"
        )
    for name in ("senses", "parts"):
        if not all(isinstance(entry, str) for entry in getattr(manifest, name)):
            raise ValueError(f"{name} is {getattr(manifest, name)!r}")
    for name, kind in (("store", str), ("kind", str), ("transform", dict), ("config", dict), ("normalised", bool)):
        if not isinstance(getattr(manifest, name), kind):
            raise ValueError(f"{name} is {getattr(manifest, name)!r}")
    if manifest.dtype not in DTYPES:
        raise ValueError(f"dtype is {manifest.dtype!r}; give one of {', '.join(DTYPES)}")
    _ = manifest.names  # an unknown part is refused
