"""How fast is the store beside the bare bytes, read and written, and beside Hugging Face's own array columns?

    python experiments/benchmarks/store.py          # about 1 minute; --tiny: seconds

Observations of 64x64 RGB and 512 points, 18 kB each, in batches of 256 that end as torch tensors, read in turn through
`Store.read`; np.memmap and a fancy index (the limit); `datasets` with Array3D columns and ``with_format("torch")``; and
`datasets` over the store's own files through ``with_format("arrow")`` and np.frombuffer. In sequence: batches of rows
that follow each other, np.memmap by slices. Written: `write_shard` and np.save of the same bytes, each with an fsync.
Expected: random 0.5 to 0.8 of np.memmap and above 25 times Array3D; written above 0.3 (a checksum and a check of every
number are in it).
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from ratios import Findings, Rates, command_line, interleaved, rate

from smcrep.data.schema import Column, world_schema
from smcrep.data.store import Manifest, Store, shard_path, write_manifest, write_shard
from smcrep.senses import POINTS, RGB, Resolution

BATCH, SHARDS, COLUMNS = 256, 8, (RGB.name, POINTS.name)
SCHEMA = world_schema(COLUMNS, Resolution(image_size=64, num_points=512))
ROWS_WRITTEN = 576  # a shard of the simulation: 64 states of 9 observations


def random_rows(num_rows: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    def values(column: Column) -> np.ndarray:
        return rng.integers(0, 255, (num_rows, *column.shape), dtype=np.uint8).astype(column.dtype)

    return {name: values(column) for name, column in SCHEMA.columns.items()}


def make(folder: Path, num_rows: int, rng: np.random.Generator) -> tuple[Store, dict[str, np.ndarray], Any]:
    """The same rows three times: store, raw bytes, Array3D."""
    raw = {
        name: np.memmap(folder / f"{name}.bin", SCHEMA.columns[name].dtype, "w+", shape=(num_rows, *shape))
        for name, shape in ((name, SCHEMA.columns[name].shape) for name in COLUMNS)
    }
    size = num_rows // SHARDS
    for shard_id in range(SHARDS):
        rows = random_rows(size, rng)
        write_shard(shard_path(folder, shard_id), SCHEMA, rows)
        for name in COLUMNS:
            raw[name][shard_id * size : (shard_id + 1) * size] = rows[name]
    write_manifest(folder, Manifest(SCHEMA, 1, SHARDS, (), ()))

    features = datasets.Features(
        rgb=datasets.Array3D((64, 64, 3), "uint8"), points=datasets.Array2D((512, 3), "float32")
    )
    part = num_rows // 8  # its cost a row does not depend on their number, and to write them all takes minutes
    arrays = datasets.Dataset.from_dict({name: raw[name][:part] for name in COLUMNS}, features=features)
    arrays.save_to_disk(folder / "arrays")
    return Store(folder), raw, datasets.load_from_disk(folder / "arrays").with_format("torch")


def reading(folder: Path, num_rows: int, rounds: int) -> Rates:
    rng = np.random.default_rng(1)
    store, raw, arrays = make(folder, num_rows, rng)
    binary: Any = store.dataset.with_format("arrow")

    def from_arrow(rows: np.ndarray) -> None:
        table = binary[rows]
        for name in COLUMNS:
            blob = table.column(name).combine_chunks().buffers()[1]
            np.frombuffer(blob, SCHEMA.columns[name].dtype)

    def random(read: Any, batches: int = 20) -> Any:
        def way() -> float:
            drawn = [rng.choice(num_rows, BATCH, replace=False) for _ in range(batches)]
            return rate(batches * BATCH, lambda: [read(rows) for rows in drawn])

        return way

    def in_sequence(read: Any, batches: int = 20) -> Any:
        def way() -> float:
            first = rng.integers(num_rows - batches * BATCH + 1) if num_rows > batches * BATCH else 0
            starts = range(first, min(first + batches * BATCH, num_rows), BATCH)
            return rate(len(starts) * BATCH, lambda: [read(start) for start in starts])

        return way

    ways = {
        "store": random(lambda rows: store.read(rows, COLUMNS)),
        "memmap": random(lambda rows: [torch.from_numpy(array[rows]) for array in raw.values()]),
        "arrow": random(from_arrow),
        "array3d": random(lambda rows: arrays[rows % len(arrays)], 1),
        "store_in_sequence": in_sequence(lambda start: store.read(np.arange(start, start + BATCH), COLUMNS)),
        "memmap_in_sequence": in_sequence(
            lambda start: [torch.from_numpy(np.array(array[start : start + BATCH])) for array in raw.values()]
        ),
    }
    return interleaved(ways, rounds)


def writing(folder: Path, num_rows: int, rounds: int) -> Rates:
    rows = random_rows(num_rows, np.random.default_rng(2))
    blob = np.concatenate([column.reshape(-1).view(np.uint8) for column in rows.values()])

    def save() -> None:
        with (folder / "blob.npy").open("wb") as file:
            np.save(file, blob)
            file.flush()
            os.fsync(file.fileno())

    ways = {
        "write_shard": lambda: rate(num_rows, lambda: write_shard(folder / "written.arrow", SCHEMA, rows)),
        "np_save": lambda: rate(num_rows, save),
    }
    return interleaved(ways, rounds)


if __name__ == "__main__":
    arguments = command_line(__doc__).parse_args()
    findings = Findings(arguments)
    datasets.disable_progress_bars()
    num_rows, rounds = (1024, 2) if arguments.tiny else (16384, 30)
    with tempfile.TemporaryDirectory() as name:
        read = reading(Path(name), num_rows, rounds)
        findings.ratio("store.ratio_to_memmap", read, "store", "memmap", beside=["arrow"], bar=">= 0.30")
        findings.ratio("store.times_hf_default", read, "store", "array3d", bar=">= 40")
        findings.ratio("store.sequential_ratio_to_memmap", read, "store_in_sequence", "memmap_in_sequence")
        written = writing(Path(name), ROWS_WRITTEN // (8 if arguments.tiny else 1), rounds)
        findings.ratio("store.write_ratio_to_save", written, "write_shard", "np_save", bar=">= 0.3")
    findings.end()
