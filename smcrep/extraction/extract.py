"""Embeddings of a whole source: makes the shards that are missing, then the index. Interrupted, it goes on."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from torch import Tensor

from smcrep import __version__
from smcrep.data.readers.source import Source
from smcrep.data.seal import broken_seal
from smcrep.engines import Engine, Work, local, on_slurm
from smcrep.extraction.index import INDEX, index_fault, write_index
from smcrep.extraction.manifest import FILE, EmbeddingManifest, begin, check, read_manifest, sha256
from smcrep.extraction.output import Output
from smcrep.extraction.shards import embed_rows, fault, row_bytes, run_shard
from smcrep.extraction.sources import SourceSpec, as_spec
from smcrep.files import file_lock
from smcrep.hub import load_model, model_folder
from smcrep.models.model import SensorimotorModel
from smcrep.progress import progress

SHARD_BYTES = 64 << 20
"""Of one shard of embeddings, at most."""
TRIED = 4
"""Rows, evenly over a source, of which one must be embedded before anything is written."""


def extract(
    run: Path,
    source: Path | str | SourceSpec,
    out: Path,
    *,
    senses: Sequence[str] | None = None,
    output: Output | None = None,
    rows_per_shard: int | None = None,
    engine: Engine = local,
    workers: int = 1,
) -> EmbeddingManifest:
    """Embeds every observation of ``source`` (the path of a store, or a `SourceSpec`) with the model of ``run``;
    ``engine`` (`smcrep.engines`) works the shards off with so many ``workers``, each of which loads the model once.

    senses          those that are read, None: all of the model.
    output          what is written of each embedding, `Output()` where None.
    rows_per_shard  None: those that ``out`` is cut into already, or as many as fit into `SHARD_BYTES`.

    Leaves in ``out``: manifest.json (provenance), shard-*.safetensors, index.parquet (one row an observation: row,
    shard, offset, what the source names it by, failed), and failures.parquet where something failed. A row that cannot
    be read or embedded is written as zeros with no sense present, and named. Raises ValueError where ``out`` holds
    another extraction, another process is writing there, or no row could be embedded.
    """
    model, embed_dim, _, _ = load_model(run)
    spec, output = as_spec(source), output or Output()
    opened = spec.open()
    names = model.config.names if senses is None else tuple(senses)
    if missing := [name for name in names if name not in opened.senses or name not in model.config.names]:
        raise ValueError(
            f"{spec.path}: has no column {missing[0]!r}, a sense of the model {run}; "
            "give a store that holds it, a model without it, or the senses to read (--senses)"
        )
    output.of(model.config.names)
    probed = _probe(model, opened, names, output)
    if rows_per_shard is None:
        fitting = max(1, SHARD_BYTES // row_bytes(probed))
        rows_per_shard = read_manifest(out).rows_per_shard if (out / FILE).exists() else fitting
    manifest = EmbeddingManifest(
        store=spec.path,
        store_sha256=opened.fingerprint(),
        model=str(run),
        model_sha256=sha256(model_folder(run) / "model.safetensors"),
        num_rows=opened.num_rows,
        rows_per_shard=rows_per_shard,
        embed_dim=embed_dim,
        num_invariant=model.config.invariant_dim,
        senses=model.config.names,
        smcrep=__version__,
        kind=spec.kind,
        transform=spec.to_json() | {"senses": list(names)},
        parts=output.of(model.config.names),
        dtype=output.dtype,
        normalised=output.normalised,
        config=json.loads(json.dumps(model.config.to_json())),
    )
    check(manifest)
    with file_lock(out, shared=engine is on_slurm):
        _complete(manifest, run, opened, out, engine, workers)
    return manifest


def _probe(model: SensorimotorModel, source: Source, senses: Sequence[str], output: Output) -> dict[str, Tensor]:
    """Tensors of one row that can be embedded. Where none of a few can, the source is refused before anything is
    written, with the reason of the first."""
    reasons = []
    for row in sorted({round(i * (source.num_rows - 1) / (TRIED - 1)) for i in range(TRIED)}):
        tensors, failed = embed_rows(model, source, range(row, row + 1), senses, output)
        if not failed:
            return tensors
        reasons.append(failed[row])
    raise ValueError(reasons[0])


def _complete(manifest: EmbeddingManifest, run: Path, source: Source, out: Path, engine: Engine, workers: int) -> None:
    begin(out, manifest)
    todo = [i for i in range(manifest.num_shards) if fault(i, manifest, out)]
    with progress(manifest.num_shards, "extract", unit="shards", done=manifest.num_shards - len(todo)) as bar:
        for _ in engine(todo, partial(_maker, run, out, manifest), workers):
            bar.update()
    if not damaged_shards(out, manifest):  # else other jobs are still at their shards
        write_index(manifest, source, out)


def _maker(run: Path, out: Path, manifest: EmbeddingManifest) -> Work:
    model, source = load_model(run)[0], manifest.source.open()

    def work(shard_id: int) -> None:
        run_shard(shard_id, manifest, model, source, out)

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
