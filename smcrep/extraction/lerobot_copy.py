"""Embeddings written into a copy of a LeRobotDataset v3.0, so that LeRobot's policies read them as an observation.

``observation.environment_state`` is the one vector, beside the robot's state, that ACT and Diffusion take in; all else
goes under ``smcrep.``, outside ``observation.``, where no policy takes it for a state. LeRobot writes no statistics for
added features, and then skips their normalisation in silence: here all ten are written, of the set and of each episode.
Its policies also need to be told to use them: `NORMALISATION`.

Videos and other files are linked, not copied: both sets share their bytes.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from smcrep.data.readers.lerobot import LeRobotRows
from smcrep.extraction.lerobot_episodes import EpisodeStatistics
from smcrep.extraction.manifest import FILE, EmbeddingManifest, read_manifest
from smcrep.extraction.output import OF_SENSES
from smcrep.extraction.shards import failed_rows, read_shard
from smcrep.extraction.statistics import statistics_of
from smcrep.files import atomic_write_bytes, file_lock

ENVIRONMENT_STATE = "observation.environment_state"
OURS = "smcrep."
NORMALISATION_EPS = 1e-8
"""That LeRobot adds to a deviation (lerobot 0.6.1, ``processor/normalize_processor.py``)."""
_MODES = '{"ENV":"MEAN_STD","STATE":"MODE","ACTION":"MODE","VISUAL":"MEAN_STD"}'
NORMALISATION = {
    policy: f"--policy.normalization_mapping='{_MODES.replace('MODE', mode)}'"
    for policy, mode in (("act", "MEAN_STD"), ("diffusion", "MIN_MAX"))
}
"""Option of ``lerobot-train`` without which a policy takes the environment's state as it stands. The others are as they
were: Diffusion draws actions between -1 and 1, and would cut off what lies beyond one deviation."""
BATCH_BYTES = 64 << 20
BATCH_ROWS = 16_384


@dataclass(frozen=True)
class Injected:
    """features  name in the dataset -> name of the tensor
    left_out  lines on what was not written, and why
    """

    features: dict[str, str]
    left_out: tuple[str, ...]


def inject(dataset: Path, embeddings: Path, out: Path, *, part: str | None = None) -> Injected:
    """Writes ``out``, a copy of the LeRobotDataset v3.0 in ``dataset`` with the ``embeddings`` of an extraction of it:
    ``part`` as `ENVIRONMENT_STATE` (None: `EmbeddingManifest.best`), tokens, weights, precisions, p-values and presence
    as far as they were extracted. A row without an embedding has the mean, 0 once normalised, and no sense present.

    Appears under its name when it is complete. ValueError where it exists, the embeddings are of another dataset, or
    the dataset is not v3.0.
    """
    manifest = read_manifest(embeddings)
    source = LeRobotRows(dataset, manifest.source.columns, manifest.source.camera)
    _check(source, manifest, embeddings, out)
    temporary = out.with_name(f".{out.name}.smcrep")
    with file_lock(temporary):
        shutil.rmtree(temporary / "set", ignore_errors=True)
        done = _write(source, manifest, embeddings, temporary / "set", part or manifest.best())
        (temporary / "set").replace(out)
        temporary.rmdir()
    return done


def _check(source: LeRobotRows, manifest: EmbeddingManifest, embeddings: Path, out: Path) -> None:
    if out.exists():
        raise ValueError(f"{out}: exists; choose a new folder for the copy")
    if source.files.version != 3 or source.files.info.get("codebase_version") != "v3.0":
        raise ValueError(
            f"{source.where}: not a LeRobotDataset v3.0; convert it first (lerobot's convert_dataset_v21_to_v30)"
        )
    if manifest.kind != "lerobot" or manifest.store_sha256 != source.fingerprint():
        raise ValueError(f"{embeddings}: embeddings of another source than {source.where}; extract them of this one")
    if not source.files.features:
        raise ValueError(f"{source.where}: meta/info.json lists no features; repair it first")


def _write(source: LeRobotRows, manifest: EmbeddingManifest, embeddings: Path, out: Path, part: str) -> Injected:
    failed = np.array(
        [row for i in range(manifest.num_shards) for row in failed_rows(i, manifest, embeddings)], np.int64
    )
    features, left_out, stats = _features(source, manifest, embeddings, part, failed)
    _link_others(source.root, out)
    values = _Values(manifest, embeddings, failed, {name: stats[name]["mean"] for name in features})
    episodes = EpisodeStatistics(list(features))
    for path in source.tables.paths:
        target = out / path.relative_to(source.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_table(path, target, source, features, values, episodes)
    episodes.end()
    _write_meta(source, out, features, stats, values, episodes)
    atomic_write_bytes(out / "meta" / f"smcrep_{FILE}", (embeddings / FILE).read_bytes())
    return Injected(features, tuple(left_out))


def _features(
    source: LeRobotRows, manifest: EmbeddingManifest, embeddings: Path, part: str, failed: np.ndarray
) -> tuple[dict[str, str], list[str], dict[str, dict[str, np.ndarray]]]:
    tokens = [name for name in manifest.names if name.endswith(".tokens")]
    wanted = {ENVIRONMENT_STATE: part}
    wanted |= {
        f"{OURS}{name}": name for name in (*tokens, *OF_SENSES, "present") if name in (*manifest.names, "present")
    }
    if part not in manifest.names:
        raise ValueError(
            f"{embeddings}: holds no {part!r} but {', '.join(manifest.names)}; extract it, or name another"
        )
    if taken := [name for name in wanted if name in source.files.features or name in source.names]:
        raise ValueError(f"{source.where}: has a feature {taken[0]!r} already; take the set without it")
    features, left_out, stats = {}, [], {}
    for name, tensor in wanted.items():
        found = statistics_of(tensor, manifest, embeddings, failed)
        if not all(np.isfinite(values).all() for values in found.values()):
            left_out.append(f"{name} is not written: the model does not say it of every row")
            continue
        features[name], stats[name] = tensor, found
    return features, left_out, stats


class _Values:
    """Tensors of any rows as float32; of those that failed the mean, and no sense present."""

    def __init__(
        self, manifest: EmbeddingManifest, embeddings: Path, failed: np.ndarray, mean: Mapping[str, np.ndarray]
    ) -> None:
        self.manifest, self.embeddings, self.failed, self.mean = manifest, embeddings, failed, mean
        self._held: dict[str, tuple[int, np.ndarray]] = {}

    def read(self, feature: str, tensor: str, rows: range) -> np.ndarray:
        parts, size = [], self.manifest.rows_per_shard
        for shard_id in range(rows.start // size, (rows.stop - 1) // size + 1):
            whole = self.manifest.rows(shard_id)
            held = self._shard(tensor, shard_id)
            parts.append(held[max(rows.start, whole.start) - whole.start : rows.stop - whole.start])
        x = np.concatenate(parts).astype(np.float32)
        here = self.failed[np.searchsorted(self.failed, rows.start) : np.searchsorted(self.failed, rows.stop)]
        if tensor != "present":
            x[here - rows.start] = self.mean[feature]
        return x

    def shape(self, tensor: str) -> tuple[int, ...]:
        return self._shard(tensor, 0).shape[1:]

    def _shard(self, tensor: str, shard_id: int) -> np.ndarray:
        if self._held.get(tensor, (-1,))[0] != shard_id:
            found = read_shard(shard_id, self.manifest, self.embeddings, [tensor])[tensor]
            self._held[tensor] = shard_id, found.numpy()
        return self._held[tensor][1]


def _link_others(root: Path, out: Path) -> None:
    """Every file beside data and meta, by hard links; where the copy lies on another disk, by symbolic ones."""
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        relative = path.relative_to(root)
        if relative.parts[0] in ("data", "meta"):
            continue
        target = out / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path.resolve(), target)
        except OSError:
            target.symlink_to(path.resolve())


def _write_table(
    path: Path,
    target: Path,
    source: LeRobotRows,
    features: Mapping[str, str],
    values: _Values,
    episodes: EpisodeStatistics,
) -> None:
    start = next(group.start for group in source.tables.groups if group.path == path)
    with pq.ParquetFile(path) as file:
        total = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
        size = max(1, min(BATCH_ROWS, BATCH_BYTES * file.metadata.num_rows // max(1, total)))
        schema = file.schema_arrow
        for name, tensor in features.items():
            schema = schema.append(pa.field(name, _kind(values.shape(tensor))))
        schema = schema.with_metadata(_noted(schema.metadata, {n: values.shape(t) for n, t in features.items()}))
        with pq.ParquetWriter(target, schema) as writer:
            for batch in file.iter_batches(batch_size=size):
                rows = range(start, start + batch.num_rows)
                found = {name: values.read(name, tensor, rows) for name, tensor in features.items()}
                columns = [*batch.columns, *(_array(x) for x in found.values())]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))
                episodes.add(batch.column("episode_index").to_numpy(), found)
                start = rows.stop


def _kind(shape: tuple[int, ...]) -> pa.DataType:
    kind: pa.DataType = pa.float32()
    for size in reversed(shape):
        kind = pa.list_(kind, size)
    return kind


def _array(x: np.ndarray) -> pa.Array:
    """float32 [r, ...] as lists of fixed sizes."""
    array: pa.Array = pa.array(np.ascontiguousarray(x).reshape(-1))
    for size in reversed(x.shape[1:]):
        array = pa.FixedSizeListArray.from_arrays(array, size)
    return array


def _noted(metadata: Mapping[bytes, bytes] | None, shapes: Mapping[str, tuple[int, ...]]) -> dict[bytes, bytes]:
    """What Hugging Face's datasets wrote of the columns, with ours; nothing where the file has no such note."""
    notes = dict(metadata or {})
    if b"huggingface" not in notes:
        return notes
    found = json.loads(notes[b"huggingface"])
    for name, shape in shapes.items():
        value: dict[str, Any] = {"dtype": "float32", "_type": "Value"}
        nested = {"shape": list(shape), "dtype": "float32", "_type": f"Array{len(shape)}D"}
        vector = {"feature": value, "length": shape[0], "_type": "List"}
        found["info"]["features"][name] = vector if len(shape) == 1 else nested
    return notes | {b"huggingface": json.dumps(found).encode()}


def _write_meta(
    source: LeRobotRows,
    out: Path,
    features: Mapping[str, str],
    stats: Mapping[str, dict[str, np.ndarray]],
    values: _Values,
    episodes: EpisodeStatistics,
) -> None:
    for path in sorted(p for p in (source.root / "meta").rglob("*") if p.is_file()):
        target = out / path.relative_to(source.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        if "episodes" in path.relative_to(source.root).parts and path.suffix == ".parquet":
            episodes.write(path, target)
        else:
            shutil.copyfile(path, target)
    info = dict(source.files.info)
    own = {n: {"dtype": "float32", "shape": list(values.shape(t)), "names": None} for n, t in features.items()}
    info["features"] = info["features"] | own
    _write_json(out / "meta" / "info.json", info)
    path = source.root / "meta" / "stats.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    _write_json(
        out / "meta" / "stats.json", known | {n: {k: v.tolist() for k, v in s.items()} for n, s in stats.items()}
    )


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    atomic_write_bytes(path, (json.dumps(value, indent=4, ensure_ascii=False) + "\n").encode())


def feature_lines(done: Injected) -> Iterator[str]:
    """What was written, for a user."""
    for name, tensor in done.features.items():
        yield f"{name}: {tensor}"
    yield from done.left_out
    for policy, option in NORMALISATION.items():
        yield f"train {policy} with {option}"
