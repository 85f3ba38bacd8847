"""Embeddings of every observation of a store, on disk, for a downstream policy.

    python experiments/extract.py --run runs/demo                      # the run's own test objects
    python experiments/extract.py --run runs/demo --store FOLDER --out FOLDER

Leaves safetensors shards, index.parquet (one row an observation) and manifest.json (provenance) under
RUN/embeddings/NAME. Interrupted, the same command goes on with the shards that are missing. Some 2,000 observations a
second on 2 cores with the demo's encoders.
"""

import argparse
from pathlib import Path

from smcrep import script
from smcrep.engines import ENGINES
from smcrep.extraction.extract import damaged_shards, extract, verify
from smcrep.pretraining.folder import store_path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a run, or of a saved model")
    parser.add_argument("--store", type=Path, help="store to embed (default: the run's test store)")
    parser.add_argument("--out", type=Path, help="folder of the embeddings (default: RUN/embeddings/NAME_OF_STORE)")
    parser.add_argument(
        "--rows-per-shard", type=script.at_least(1), help="observations in each file (default: 64 MiB of them)"
    )
    parser.add_argument("--engine", choices=sorted(ENGINES), default="local", help="what makes the shards")
    parser.add_argument(
        "--processes", type=script.at_least(1), default=1, help="worker processes; each loads the model"
    )
    arguments = parser.parse_args()
    store = arguments.store or store_path(arguments.run, "test")
    out = arguments.out or arguments.run / "embeddings" / store.name
    engine = ENGINES[arguments.engine]
    manifest = extract(
        arguments.run, store, out, rows_per_shard=arguments.rows_per_shard, engine=engine, workers=arguments.processes
    )
    left = damaged_shards(out, manifest) if arguments.engine == "slurm" else {}
    if left:
        print(f"{len(left)} shards are left to other jobs of the array; the one that ends last writes the index")
        return
    if faults := verify(out, manifest):
        raise ValueError("; ".join(faults))
    print(f"{manifest.num_rows} embeddings of {manifest.embed_dim} numbers in {manifest.num_shards} shards: {out}")


if __name__ == "__main__":
    script.run("extract", main)
