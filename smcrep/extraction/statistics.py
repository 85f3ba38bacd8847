"""The ten statistics that LeRobot keeps of a feature, exact: of an extraction in bounded memory, or of an array."""

from pathlib import Path

import numpy as np
from safetensors import safe_open

from smcrep.extraction.manifest import EmbeddingManifest

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
NAMES = ("min", "max", "mean", "std", "count", *QUANTILES)
BLOCK_BYTES = 128 << 20
"""Of one pass: so many columns at once as fit, over all rows, since quantiles need all of a column."""


def statistics(x: np.ndarray) -> dict[str, np.ndarray]:
    """Name -> float64 [d] of x [n, d], or of [n, t, d] over its first two axes; ``count`` int64 [1]. Standard deviation
    with n below, as LeRobot's (lerobot 0.6.1, ``datasets/compute_stats.py``)."""
    x = x.reshape(-1, x.shape[-1])
    found = {
        "min": x.min(0).astype(np.float64),
        "max": x.max(0).astype(np.float64),
        "mean": x.mean(0, dtype=np.float64),
        "std": x.std(0, dtype=np.float64),
        "count": np.array([len(x)], np.int64),
    }
    quantiles = np.quantile(x, list(QUANTILES.values()), axis=0)
    return found | dict(zip(QUANTILES, quantiles.astype(np.float64), strict=True))


def statistics_of(name: str, manifest: EmbeddingManifest, out: Path, failed: np.ndarray) -> dict[str, np.ndarray]:
    """`statistics` of a tensor of all shards, without the rows ``failed`` (int64, rising). ValueError where none is
    left."""
    with safe_open(manifest.shard(out, 0), framework="np") as file:
        shape = file.get_slice(name).get_shape()
    num_rows = manifest.num_rows - len(failed)
    if not num_rows:
        raise ValueError(f"{out}: no row has an embedding, so there are no statistics; see its failures.parquet")
    column_bytes = 4 * num_rows * int(np.prod(shape[1:-1], dtype=np.int64))
    width = max(1, BLOCK_BYTES // max(1, column_bytes))
    blocks = (slice(start, min(start + width, shape[-1])) for start in range(0, shape[-1], width))
    parts = [statistics(_columns(name, block, manifest, out, failed, num_rows, shape)) for block in blocks]
    return {key: parts[0][key] if key == "count" else np.concatenate([part[key] for part in parts]) for key in NAMES}


def _columns(
    name: str,
    columns: slice,
    manifest: EmbeddingManifest,
    out: Path,
    failed: np.ndarray,
    num_rows: int,
    shape: list[int],
) -> np.ndarray:
    """float32 [num_rows, ..., columns]."""
    whole, at = np.empty((num_rows, *shape[1:-1], columns.stop - columns.start), np.float32), 0
    for shard_id in range(manifest.num_shards):
        rows = manifest.rows(shard_id)
        with safe_open(manifest.shard(out, shard_id), framework="np") as file:
            view = file.get_slice(name)
            x = view[:, columns] if len(shape) == 2 else view[:, :, columns]
        here = failed[np.searchsorted(failed, rows.start) : np.searchsorted(failed, rows.stop)] - rows.start
        kept = np.delete(x, here, axis=0) if len(here) else x
        whole[at : at + len(kept)] = kept
        at += len(kept)
    return whole
