"""Nearest neighbours among the embeddings of an extraction, by cosine: exact, or by inverted lists on disk."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from smcrep.extraction.manifest import EmbeddingManifest
from smcrep.extraction.shards import failed_rows, read_shard
from smcrep.files import atomic_write_bytes, file_lock

EXACT_ROWS = 1_000_000
"""Up to so many an exact search reads all; beyond, inverted lists on disk (faiss's guidelines: IVF, K lists of 4 to 16
times the root of the number of rows)."""
LISTS_PER_ROOT = 4
TRAINING_ROWS_PER_LIST = 64
"""faiss wants 39 to 256 for each list."""
PROBED_SHARE = 0.02
"""Of the lists, which one query reads; at least `FEWEST_PROBED`."""
FEWEST_PROBED = 16


@dataclass(frozen=True)
class Answers:
    """rows     int64 [q, k] of the source, nearest first; -1 where there are fewer
    cosine   float32 [q, k], falling
    """

    rows: np.ndarray
    cosine: np.ndarray


class Search:
    """The rows of an extraction that have an embedding, searched by one of its vectors.

    ``part`` None: the invariant one where it was written, by itself or within ``fused`` (`best_part`). The inverted
    lists lie in ``out`` under search/, are built once, and are made again where they are of another extraction.
    """

    def __init__(
        self, out: Path, manifest: EmbeddingManifest, *, part: str | None = None, exact_rows: int = EXACT_ROWS
    ) -> None:
        self.out, self.manifest = out, manifest
        self.part, self.columns = best_part(manifest) if part is None else (part, slice(None))
        if self.part not in manifest.names or manifest.width(self.part) is None:
            raise ValueError(f"{out}: holds no vector {self.part!r} but {', '.join(manifest.names)}; name one of them")
        self.is_exact = manifest.num_rows <= exact_rows
        self.index: Any = None if self.is_exact else self._inverted_lists()

    def nearest(self, queries: np.ndarray, k: int) -> Answers:
        """The k rows whose vectors have the largest cosine with each of ``queries`` [q, d] (as `vectors` gives them).
        ValueError where one is not finite or has length 0."""
        queries = np.array(queries, np.float32, order="C")
        if not np.isfinite(queries).all() or not np.linalg.norm(queries, axis=1).all():
            raise ValueError("search: a query is not finite or has length 0; give an observation that has an embedding")
        faiss.normalize_L2(queries)
        if self.index is not None:
            cosine, rows = self.index.search(queries, k)
            return Answers(rows, cosine)
        cosine, rows = np.full((len(queries), k), -np.inf, np.float32), np.full((len(queries), k), -1, np.int64)
        for numbers, x in self._parts():
            here, which = faiss.knn(queries, x, min(k, len(x)), faiss.METRIC_INNER_PRODUCT)
            cosine = np.concatenate([cosine, here], 1)
            rows = np.concatenate([rows, numbers[which]], 1)
            best = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
            cosine, rows = np.take_along_axis(cosine, best, 1), np.take_along_axis(rows, best, 1)
        return Answers(rows, cosine)

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """float32 [r, d] of ``rows``, of whatever length they were written."""
        size = self.manifest.rows_per_shard
        found = (
            read_shard(int(r) // size, self.manifest, self.out, [self.part])[self.part][int(r) % size] for r in rows
        )
        return np.stack([x.float().numpy()[self.columns] for x in found])

    def _parts(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(rows int64 [r], their vectors float32 [r, d] of length 1) of each shard, failed rows left out."""
        for shard_id in range(self.manifest.num_shards):
            rows = np.array(self.manifest.rows(shard_id), np.int64)
            x = read_shard(shard_id, self.manifest, self.out, [self.part])[self.part].float().numpy()[:, self.columns]
            kept = np.ones(len(rows), bool)
            kept[[row - rows[0] for row in failed_rows(shard_id, self.manifest, self.out)]] = False
            x = np.ascontiguousarray(x[kept])
            faiss.normalize_L2(x)
            if len(x):
                yield rows[kept], x

    def _inverted_lists(self) -> Any:
        folder = self.out / "search"
        note = {"part": self.part, "model": self.manifest.model_sha256, "source": self.manifest.store_sha256}
        note |= {"rows": self.manifest.num_rows, "columns": [self.columns.start, self.columns.stop]}
        if _read_note(folder / "search.json") != note:
            with file_lock(folder):
                (folder / "search.json").unlink(missing_ok=True)
                self._build(folder)
                atomic_write_bytes(
                    folder / "search.json", json.dumps(note).encode()
                )  # last: lists without it are not whole
        index: Any = faiss.read_index(str(folder / "lists.faiss"), faiss.IO_FLAG_ONDISK_SAME_DIR)
        index.nprobe = min(index.nlist, max(FEWEST_PROBED, round(PROBED_SHARE * index.nlist)))
        return index

    def _build(self, folder: Path) -> None:
        num_lists = max(1, round(LISTS_PER_ROOT * self.manifest.num_rows**0.5))
        sample = self._sample(TRAINING_ROWS_PER_LIST * num_lists)
        dim = sample.shape[1]
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, min(num_lists, len(sample)), faiss.METRIC_INNER_PRODUCT)
        index.train(sample)
        (folder / "lists.data").unlink(missing_ok=True)
        lists = faiss.OnDiskInvertedLists(index.nlist, index.code_size, str(folder / "lists.data"))
        index.replace_invlists(lists)
        for rows, x in self._parts():
            index.add_with_ids(x, rows)
        faiss.write_index(index, str(folder / "lists.faiss"))

    def _sample(self, num_rows: int) -> np.ndarray:
        """Vectors of at most so many rows, evenly over the extraction."""
        step = max(1, self.manifest.num_rows // max(1, num_rows))
        return np.concatenate([x[-int(rows[0]) % step :: step] for rows, x in self._parts()])


def best_part(manifest: EmbeddingManifest) -> tuple[str, slice]:
    """(a tensor, columns of it) to search by: the invariant part, of ``fused`` first; poses move the whole vector."""
    name = manifest.best()
    whole = name.partition(".")[2] == ""
    return name, slice(0, manifest.num_invariant) if whole else slice(None)


def _read_note(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
