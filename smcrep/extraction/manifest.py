"""What an extraction is: which model over which rows of which store, cut into shards. Decides nothing at run time."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from smcrep.data.seal import SEAL, sealed
from smcrep.files import atomic_write_bytes

FILE = "manifest.json"
MAX_SHARDS = 100_000
"""Their files have numbers of five digits."""


@dataclass(frozen=True)
class EmbeddingManifest:
    """Shard i holds rows [i * rows_per_shard, (i + 1) * rows_per_shard) of the store, in order.

    store_sha256  `data.store.identity` of the store
    version       of this record; 1 had the sum of the store's manifest alone
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
    version: int = 2

    @property
    def num_shards(self) -> int:
        return -(-self.num_rows // self.rows_per_shard)

    def rows(self, shard_id: int) -> range:
        return range(shard_id * self.rows_per_shard, min((shard_id + 1) * self.rows_per_shard, self.num_rows))

    def shard(self, out: Path, shard_id: int) -> Path:
        return out / f"shard-{shard_id:05d}.safetensors"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def begin(out: Path, manifest: EmbeddingManifest) -> None:
    """Makes ``out``, a folder, that of ``manifest``; one that already belongs to another extraction is refused."""
    path = out / FILE
    if path.exists():
        known = read_manifest(out)
        changed = [k for k, v in asdict(manifest).items() if asdict(known)[k] != v and k not in ("store", "model")]
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
        manifest = EmbeddingManifest(**fields | {"senses": tuple(fields["senses"])})
        check(manifest)
        return manifest
    except FileNotFoundError:
        raise ValueError(f"{out}: no {FILE} in it; this is not a folder of embeddings") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{path}: not a manifest of embeddings ({error!r}); remove the folder and extract again"
        ) from None


def check(manifest: EmbeddingManifest) -> None:
    """ValueError where a number of ``manifest`` cannot be one."""
    for name in ("num_rows", "rows_per_shard", "embed_dim", "num_invariant", "version"):
        value = getattr(manifest, name)
        if type(value) is not int or not 1 <= value < 2**48:
            raise ValueError(f"{name} is {value!r}")
    if manifest.num_shards > MAX_SHARDS:
        raise ValueError(
            f"{manifest.num_shards} shards of {manifest.rows_per_shard} rows are more than {MAX_SHARDS}; "
            "give more rows to a shard"
        )
    if not all(isinstance(sense, str) for sense in manifest.senses):
        raise ValueError(f"senses is {manifest.senses!r}")
