"""Embeddings of a whole store: makes the shards that are missing, then the index. Interrupted, it goes on."""

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from smcrep import __version__
from smcrep.data.store import Store
from smcrep.engines import Engine, Work, local, on_slurm
from smcrep.extraction.manifest import FILE, EmbeddingManifest, begin, sha256
from smcrep.extraction.shards import fault, run_shard
from smcrep.files import atomic_write, file_lock
from smcrep.hub import load_model, model_folder
from smcrep.progress import progress

INDEX_COLUMNS = ("state_id", "object_id", "class_id", "environment_id")


def extract(
    run: Path,
    store_path: Path,
    out: Path,
    *,
    rows_per_shard: int = 10_000,
    engine: Engine = local,
    workers: int = 1,
) -> EmbeddingManifest:
    """Embeds every observation of the store at ``store_path`` with the model of ``run``; ``engine`` (`smcrep.engines`)
    works the shards off with so many ``workers``, each of which loads the model once.

    Leaves in ``out``: manifest.json (provenance), shard-*.safetensors, index.parquet (one row an observation: row,
    shard, offset, object, class, state, branch). Raises ValueError where ``out`` holds another extraction, or another
    process is writing there."""
    model, embed_dim, _, _ = load_model(run)
    store = Store(store_path)
    weights = model_folder(run) / "model.safetensors"
    manifest = EmbeddingManifest(
        store=str(store_path),
        store_sha256=sha256(store_path / "manifest.json"),
        model=str(run),
        model_sha256=sha256(weights),
        num_rows=store.num_rows,
        rows_per_shard=rows_per_shard,
        embed_dim=embed_dim,
        num_invariant=model.config.invariant_dim,
        senses=model.config.names,
        smcrep=__version__,
    )
    with file_lock(out, shared=engine is on_slurm):
        _complete(manifest, run, store, out, engine, workers)
    return manifest


def _complete(manifest: EmbeddingManifest, run: Path, store: Store, out: Path, engine: Engine, workers: int) -> None:
    begin(out, manifest)
    todo = [i for i in range(manifest.num_shards) if fault(i, manifest, out)]
    with progress(manifest.num_shards, "extract", unit="shards", done=manifest.num_shards - len(todo)) as bar:
        for _ in engine(todo, partial(_maker, run, store.path, out, manifest), workers):
            bar.update()
    if not verify(out, manifest):  # else other jobs are still at their shards
        _write_index(manifest, store, out)


def _maker(run: Path, store_path: Path, out: Path, manifest: EmbeddingManifest) -> Work:
    model, store = load_model(run)[0], Store(store_path)

    def work(shard_id: int) -> None:
        run_shard(shard_id, manifest, model, store, out)

    return work


def damaged(out: Path, manifest: EmbeddingManifest) -> dict[Path, str]:
    """Shard -> what is wrong with it, of those that are not as they were written. Reads every byte."""
    found = ((manifest.shard(out, i), fault(i, manifest, out)) for i in range(manifest.num_shards))
    return {path: f"{path}: {words}; run the extraction again to remake it" for path, words in found if words}


def verify(out: Path, manifest: EmbeddingManifest) -> list[str]:
    """One line for each shard that is not whole; empty where all are."""
    return list(damaged(out, manifest).values())


def _write_index(manifest: EmbeddingManifest, store: Store, out: Path) -> None:
    rows = np.arange(manifest.num_rows)
    columns = {name: tensor.numpy() for name, tensor in store.read(rows, list(INDEX_COLUMNS)).items()}
    names = {entry.object_id: entry.name for entry in store.objects}
    table = pa.table(
        {
            "row": rows,
            "shard": rows // manifest.rows_per_shard,
            "offset": rows % manifest.rows_per_shard,
            "branch": rows % (store.num_branches + 1),
            "object": [names[int(i)] for i in columns["object_id"]],
            **columns,
        }
    )
    table = table.replace_schema_metadata({"provenance": (out / FILE).read_text(encoding="utf-8")})
    with atomic_write(out / "index.parquet") as file:
        pq.write_table(table, file)
