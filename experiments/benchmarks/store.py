"""How near do random batches of the store come to the bytes themselves, and to Hugging Face's own array columns?

    python experiments/benchmarks/store.py          # about 1 minute; --tiny: seconds

Batches of 256 observations (64x64 RGB + 512 points, 18 kB each), read in turn (interleaved, so that all share the
machine's mood) through `Store.read`; np.memmap and a fancy index (the limit); `datasets` with Array3D columns and
``with_format("torch")``; and `datasets` over the store's own files through ``with_format("arrow")`` and np.frombuffer.
Expected: store / memmap 0.5 to 0.8, store / Array3D above 25. Writes experiments/claims/store.json (not when tiny).
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np

from smcrep.data.schema import world_schema
from smcrep.data.store import Manifest, Store, shard_path, write_manifest, write_shard
from smcrep.results import Record, commit, machine, write_claims

BATCH, SHARDS, COLUMNS = 256, 8, ("rgb", "points")
SCHEMA = world_schema(64, 512)


def make(folder: Path, num_rows: int) -> tuple[Store, dict[str, np.ndarray], Any]:
    """The same rows three times: store, raw bytes, Array3D."""
    rng = np.random.default_rng(0)
    for shard_id in range(SHARDS):
        rows = {}
        for name, column in SCHEMA.columns.items():
            raw = rng.integers(0, 255, (num_rows // SHARDS, column.num_bytes), dtype=np.uint8)
            rows[name] = (raw if column.dtype == "uint8" else raw[:, :: np.dtype(column.dtype).itemsize]).astype(
                column.dtype
            )
            rows[name] = rows[name].reshape(-1, *column.shape)
        write_shard(shard_path(folder, shard_id), SCHEMA, rows)
    write_manifest(folder, Manifest(SCHEMA, 1, SHARDS, (), ()))
    store = Store(folder)

    raw = {}
    for name in COLUMNS:
        column = SCHEMA.columns[name]
        raw[name] = np.memmap(folder / f"{name}.bin", column.dtype, "w+", shape=(num_rows, *column.shape))
        for start in range(0, num_rows, BATCH):
            rows = np.arange(start, min(start + BATCH, num_rows))
            raw[name][rows] = store.read(rows, [name])[name].numpy()

    features = datasets.Features(
        rgb=datasets.Array3D((64, 64, 3), "uint8"), points=datasets.Array2D((512, 3), "float32")
    )
    part = num_rows // 8  # its cost a row does not depend on their number, and to write them all takes minutes
    source = {name: raw[name][:part] for name in COLUMNS}
    arrays = datasets.Dataset.from_dict(source, features=features)
    arrays.save_to_disk(folder / "arrays")
    return store, raw, datasets.load_from_disk(folder / "arrays").with_format("torch")


def seconds(read: Callable[[np.ndarray], object], batches: list[np.ndarray]) -> float:
    start = time.perf_counter()
    for rows in batches:
        read(rows)
    return time.perf_counter() - start


def main(num_rows: int, rounds: int) -> dict[str, np.ndarray]:
    """Observations a second, one number a round, by way of reading."""
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        store, raw, arrays = make(Path(folder), num_rows)
        binary: Any = store.dataset.with_format("arrow")

        def from_arrow(rows: np.ndarray) -> None:
            table = binary[rows]
            for name in COLUMNS:
                blob = table.column(name).combine_chunks().buffers()[1]
                np.frombuffer(blob, SCHEMA.columns[name].dtype)

        ways: dict[str, tuple[Callable[[np.ndarray], object], int]] = {
            "store": (lambda rows: store.read(rows, COLUMNS), 20),
            "memmap": (lambda rows: [array[rows] for array in raw.values()], 20),
            "arrow": (from_arrow, 20),
            "array3d": (lambda rows: arrays[rows % len(arrays)], 1),
        }
        speed = {name: [] for name in ways}
        for round_id in range(rounds + 1):
            for name, (read, num_batches) in ways.items():
                batches = [rng.choice(num_rows, BATCH, replace=False) for _ in range(num_batches)]
                rate = num_batches * BATCH / seconds(read, batches)
                if round_id:  # the first round warms the page cache
                    speed[name].append(rate)
        return {name: np.array(rates) for name, rates in speed.items()}


def ratio(speed: dict[str, np.ndarray], other: str) -> tuple[float, tuple[float, float]]:
    """Median over rounds of store / other, with its 95 % bootstrap interval."""
    ratios = speed["store"] / speed[other]
    draws = np.random.default_rng(0).choice(ratios, (10_000, len(ratios)))
    low, high = np.quantile(np.median(draws, 1), [0.025, 0.975])
    return float(np.median(ratios)), (float(low), float(high))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="a small store, no record")
    tiny = parser.parse_args().tiny
    datasets.disable_progress_bars()
    begin = time.perf_counter()
    speed = main(1024, 2) if tiny else main(16384, 30)
    for name, rates in speed.items():
        print(f"{name:8s} {np.median(rates):10,.0f} observations/s")
    records = {}
    for other in ("memmap", "arrow", "array3d"):
        value, interval = ratio(speed, other)
        print(f"store / {other}: {value:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]")
        records[f"store.ratio_to_{other}"] = Record(
            value, interval, n=len(speed["store"]), unit="ratio", command="python experiments/benchmarks/store.py",
            commit=commit(), minutes=(time.perf_counter() - begin) / 60, machine=machine(),
        )  # fmt: skip
    if not tiny:
        write_claims(Path(__file__).parents[1] / "claims" / "store.json", records)
