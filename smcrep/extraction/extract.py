"""Embeddings of a whole store: makes the shards that are missing, then the index. Interrupted, it goes on."""

from functools import partial
from pathlib import Path

from smcrep import __version__
from smcrep.data.seal import broken_seal
from smcrep.data.store import Store, identity
from smcrep.engines import Engine, Work, local, on_slurm
from smcrep.extraction.index import INDEX, index_fault, write_index
from smcrep.extraction.manifest import FILE, EmbeddingManifest, begin, check, read_manifest, sha256
from smcrep.extraction.shards import embed_rows, fault, row_bytes, run_shard
from smcrep.files import file_lock
from smcrep.hub import load_model, model_folder
from smcrep.progress import progress

SHARD_BYTES = 64 << 20
"""Of one shard of embeddings, at most."""


def extract(
    run: Path,
    store_path: Path,
    out: Path,
    *,
    rows_per_shard: int | None = None,
    engine: Engine = local,
    workers: int = 1,
) -> EmbeddingManifest:
    """Embeds every observation of the store at ``store_path`` with the model of ``run``; ``engine`` (`smcrep.engines`)
    works the shards off with so many ``workers``, each of which loads the model once. ``rows_per_shard`` None: those
    that ``out`` is cut into already, or as many as fit into `SHARD_BYTES`.

    Leaves in ``out``: manifest.json (provenance), shard-*.safetensors, index.parquet (one row an observation: row,
    shard, offset, object, class, state, branch). Raises ValueError where ``out`` holds another extraction, or another
    process is writing there."""
    model, embed_dim, _, _ = load_model(run)
    store = Store(store_path)
    if missing := [name for name in model.config.names if name not in store.schema.columns]:
        raise ValueError(
            f"{store_path}: has no column {missing[0]!r}, a sense of the model {run}; "
            "give a store that holds it, or a model without it"
        )
    embed_rows(model, store, range(1))  # what cannot be embedded is refused before anything is written
    weights = model_folder(run) / "model.safetensors"
    if rows_per_shard is None:
        fitting = max(1, SHARD_BYTES // row_bytes(embed_dim, len(model.config.names)))
        rows_per_shard = read_manifest(out).rows_per_shard if (out / FILE).exists() else fitting
    manifest = EmbeddingManifest(
        store=str(store_path),
        store_sha256=identity(store_path),
        model=str(run),
        model_sha256=sha256(weights),
        num_rows=store.num_rows,
        rows_per_shard=rows_per_shard,
        embed_dim=embed_dim,
        num_invariant=model.config.invariant_dim,
        senses=model.config.names,
        smcrep=__version__,
    )
    check(manifest)
    with file_lock(out, shared=engine is on_slurm):
        _complete(manifest, run, store, out, engine, workers)
    return manifest


def _complete(manifest: EmbeddingManifest, run: Path, store: Store, out: Path, engine: Engine, workers: int) -> None:
    begin(out, manifest)
    todo = [i for i in range(manifest.num_shards) if fault(i, manifest, out)]
    with progress(manifest.num_shards, "extract", unit="shards", done=manifest.num_shards - len(todo)) as bar:
        for _ in engine(todo, partial(_maker, run, store.path, out, manifest), workers):
            bar.update()
    if not damaged_shards(out, manifest):  # else other jobs are still at their shards
        write_index(manifest, store, out)


def _maker(run: Path, store_path: Path, out: Path, manifest: EmbeddingManifest) -> Work:
    model, store = load_model(run)[0], Store(store_path)

    def work(shard_id: int) -> None:
        run_shard(shard_id, manifest, model, store, out)

    return work


def damaged(out: Path, manifest: EmbeddingManifest) -> dict[Path, str]:
    """File -> what is wrong with it, of the manifest, the shards and the index, where they are not as they were
    written. Reads every byte."""
    if words := broken_seal(out / FILE):  # shards cannot be judged by it
        return {out / FILE: f"{out / FILE}: {words}; remove the folder and extract again"}
    found = damaged_shards(out, manifest)
    if words := index_fault(out):
        found[out / INDEX] = f"{out / INDEX}: {words}; run the extraction again to remake it"
    return found


def damaged_shards(out: Path, manifest: EmbeddingManifest) -> dict[Path, str]:
    """Shard -> what is wrong with it, of those that are not as they were written."""
    found = ((manifest.shard(out, i), fault(i, manifest, out)) for i in range(manifest.num_shards))
    return {path: f"{path}: {words}; run the extraction again to remake it" for path, words in found if words}


def verify(out: Path, manifest: EmbeddingManifest) -> list[str]:
    """One line for each file that is not whole; empty where all are."""
    return list(damaged(out, manifest).values())
