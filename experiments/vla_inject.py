"""How much memory does it take to write a million embeddings into a LeRobot set, and what is left of its videos?

    python experiments/vla_inject.py           # 2 minutes on one core, 3 GiB of disk that are given back
    python experiments/vla_inject.py --tiny    # seconds

A planted LeRobotDataset v3.0 of a million frames in four tables (episodes of 400 frames; files of noise stand for its
videos, which are never opened) and planted embeddings of it (254 numbers in float16, mean 5, deviation 3) are joined by
`extraction.lerobot_copy.inject`, in a process of its own. Leaves claims/vla.json in --out:

    lerobot.inject_million.gib         the most memory of that process, imports and mapped files included (VmHWM);
                                       beside it that of the imports alone, and the embeddings on disk
    lerobot.inject_million.mean        largest mean of a number after LeRobot's normalisation; beside it that without
    lerobot.inject_million.deviation   largest distance of its deviation from 1, likewise
    lerobot.inject_million.videos      share of the video files that are the same file as before, unchanged to the byte

Expected: below 2 GiB; 0 and 0; 1.
"""

import argparse
import hashlib
import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from smcrep import script
from smcrep.data.readers.lerobot import LeRobotRows
from smcrep.evaluation.sentence import plain
from smcrep.extraction.lerobot_copy import ENVIRONMENT_STATE, NORMALISATION_EPS, inject
from smcrep.extraction.manifest import EmbeddingManifest, begin
from smcrep.extraction.shards import write_shard
from smcrep.provenance import stamped
from smcrep.results import Record, write_claims
from smcrep.senses import RGB

NUM_ROWS, NUM_TINY, LENGTH, NUM_TABLES, DIM, ROWS_PER_SHARD = 1_000_000, 8_000, 400, 4, 254, 50_000
MEAN, DEVIATION = 5.0, 3.0
CAMERA, FPS, VIDEO_BYTES = "observation.images.front", 10, 1 << 16
GIB = 1 << 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/vla"), help="folder of the claims, and of what is made")
    parser.add_argument("--tiny", action="store_true", help=f"{NUM_TINY} frames")
    arguments = parser.parse_args()
    begun = time.monotonic()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.out) as name:
        records = measured(Path(name), NUM_TINY if arguments.tiny else NUM_ROWS)
    records = stamped(records, "python experiments/vla_inject.py", begun)
    write_claims(arguments.out / "claims/vla.json", records)
    for name, record in records.items():
        print(plain(name, record, *record.controls))


def measured(folder: Path, num_rows: int) -> dict[str, Record]:
    dataset, embeddings, copy = folder / "set", folder / "embeddings", folder / "copy"
    plant_set(dataset, num_rows)
    plant_embeddings(embeddings, dataset, num_rows)
    videos = {path.relative_to(dataset): state(path) for path in sorted(dataset.rglob("*.mp4"))}
    imports, most = peaks(dataset, embeddings, copy)
    stored = sum(path.stat().st_size for path in embeddings.glob("*.safetensors")) / GIB
    same = [state(dataset / path) == was and state(copy / path) == was for path, was in videos.items()]
    about: dict[str, Any] = {"n": num_rows}
    prefix = "lerobot.inject_million"
    gib = {"imports": imports, "embeddings_on_disk": stored}
    records = {f"{prefix}.gib": Record(most, unit="GiB", controls=gib, **about)}
    spread = {"unit": "of a deviation", **about}
    for key, value, without in zip(("mean", "deviation"), *standard(copy), strict=True):
        records[f"{prefix}.{key}"] = Record(value, controls={"without_statistics": without}, **spread)
    share = float(np.mean(same))
    records[f"{prefix}.videos"] = Record(share, n=len(same), unit="share of files", controls={"files": len(same)})
    return records


def plant_set(root: Path, num_rows: int) -> None:
    """A v3.0 set with the tables and notes that LeRobot 0.6.1 writes."""
    per_table = num_rows // NUM_TABLES
    (root / "data/chunk-000").mkdir(parents=True)
    for number in range(NUM_TABLES):
        index = np.arange(number * per_table, (number + 1) * per_table)
        state = pa.FixedSizeListArray.from_arrays(pa.array(np.stack([index, 2 * index], 1).ravel().astype("f4")), 2)
        columns = {"observation.state": state, "action": state, "timestamp": (index % LENGTH / FPS).astype("f4")}
        columns |= {"frame_index": index % LENGTH, "episode_index": index // LENGTH, "index": index}
        columns |= {"task_index": np.zeros(per_table, np.int64)}
        pq.write_table(pa.table(columns), root / f"data/chunk-000/file-{number:03d}.parquet")
        video = root / f"videos/{CAMERA}/chunk-000/file-{number:03d}.mp4"
        video.parent.mkdir(parents=True, exist_ok=True)
        video.write_bytes(np.random.default_rng(number).bytes(VIDEO_BYTES))
    (root / "meta/episodes/chunk-000").mkdir(parents=True)
    episode = np.arange(num_rows // LENGTH)
    rows = {"episode_index": episode, "length": np.full(len(episode), LENGTH), "tasks": [["push"]] * len(episode)}
    rows |= {"dataset_from_index": episode * LENGTH, "dataset_to_index": (episode + 1) * LENGTH}
    for prefix in ("data", f"videos/{CAMERA}"):
        rows |= {f"{prefix}/chunk_index": 0 * episode, f"{prefix}/file_index": episode * LENGTH // per_table}
    start = episode * LENGTH % per_table / FPS
    rows |= {f"videos/{CAMERA}/from_timestamp": start, f"videos/{CAMERA}/to_timestamp": start + LENGTH / FPS}
    pq.write_table(pa.table(rows), root / "meta/episodes/chunk-000/file-000.parquet")
    pq.write_table(pa.table({"task_index": [0], "task": ["push"]}), root / "meta/tasks.parquet")
    vector, number = {"dtype": "float32", "shape": [2]}, {"shape": [1], "names": None}
    features: dict[str, Any] = {n: vector | {"names": None} for n in ("observation.state", "action")}
    features |= {n: number | {"dtype": "int64"} for n in ("frame_index", "episode_index", "index", "task_index")}
    features |= {"timestamp": number | {"dtype": "float32"}}
    features[CAMERA] = {"dtype": "video", "shape": [32, 32, 3], "names": ["height", "width", "channels"]}
    info = {
        "codebase_version": "v3.0", "fps": FPS, "features": features, "total_episodes": len(episode),
        "total_frames": num_rows, "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    }  # fmt: skip
    (root / "meta/info.json").write_text(json.dumps(info))


def plant_embeddings(out: Path, dataset: Path, num_rows: int) -> None:
    """As an extraction of ``dataset`` leaves them."""
    source = LeRobotRows(dataset, {RGB.name: CAMERA})
    manifest = EmbeddingManifest(
        store=str(dataset), store_sha256=source.fingerprint(), model="planted", model_sha256="", num_rows=num_rows,
        rows_per_shard=min(ROWS_PER_SHARD, num_rows), embed_dim=DIM, num_invariant=DIM // 2, senses=(RGB.name,),
        smcrep="", kind="lerobot", transform={"columns": source.columns, "intrinsics": None},
        parts=("fused", "precision"), dtype="float16",
    )  # fmt: skip
    out.mkdir()
    begin(out, manifest)
    generator = torch.Generator().manual_seed(0)
    for shard in range(manifest.num_shards):
        rows = manifest.rows(shard)
        tensors = {
            "fused": (MEAN + DEVIATION * torch.randn(len(rows), DIM, generator=generator)).half(),
            "precision": torch.rand(len(rows), 1, generator=generator),
            "present": torch.ones(len(rows), 1, dtype=torch.bool),
            "row": torch.arange(rows.start, rows.stop),
        }
        write_shard(shard, manifest, tensors, {}, out)


def peaks(dataset: Path, embeddings: Path, copy: Path) -> tuple[float, float]:
    """GiB: of a process that imported everything, and of that process after it injected."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_injected, args=(dataset, embeddings, copy, theirs))
    process.start()
    theirs.close()
    try:
        found = ours.recv()
    except EOFError:
        raise ValueError("inject ended without a result; its own message is above") from None
    process.join()
    return found


def _injected(dataset: Path, embeddings: Path, copy: Path, found: Connection) -> None:
    before = high_water_gib()
    inject(dataset, embeddings, copy)
    found.send((before, high_water_gib()))


def high_water_gib() -> float:
    """The most resident memory of this process. Of getrusage's number a child inherits its parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / GIB


def state(path: Path) -> tuple[Any, ...]:
    """Which file it is, when it was last written, and its bytes' sum."""
    about = path.stat()
    return about.st_ino, about.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()


def standard(copy: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    """(largest mean, farthest deviation from 1) over the numbers, after LeRobot's normalisation and without."""
    stats = json.loads((copy / "meta/stats.json").read_text(encoding="utf-8"))[ENVIRONMENT_STATE]
    mean, deviation = np.array(stats["mean"]), np.array(stats["std"]) + NORMALISATION_EPS
    count, sums, squares = 0, np.zeros((2, len(mean))), np.zeros((2, len(mean)))
    for x in batches(copy, len(mean)):
        both = np.stack([(x - mean) / deviation, x])
        count, sums, squares = count + len(x), sums + both.sum(1), squares + (both**2).sum(1)
    means = sums / count
    apart = np.abs(np.sqrt(squares / count - means**2) - 1).max(1)
    largest = np.abs(means).max(1)
    return (largest[0], apart[0]), (largest[1], apart[1])


def batches(copy: Path, dim: int) -> Iterator[np.ndarray]:
    """float64 [r, dim]: the injected vectors, as they stand in the tables."""
    for path in sorted((copy / "data").rglob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=65_536, columns=[ENVIRONMENT_STATE]):
            yield batch.column(0).flatten().to_numpy().reshape(-1, dim).astype(np.float64)


if __name__ == "__main__":
    script.run("vla_inject", main)
