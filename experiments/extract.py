"""Embeddings of every observation of a source, on disk, for a downstream policy.

    python experiments/extract.py --run runs/demo                      # the run's own test objects
    python experiments/extract.py --run runs/demo --source images:FOLDER --senses rgb --out FOLDER
    python experiments/extract.py --run runs/demo --source lerobot:FOLDER --column rgb=observation.images.top \\
        --column depth=observation.images.depth --intrinsics 600,600,320,240 --dtype float16 --out FOLDER

With --lerobot-copy FOLDER the embeddings are also written into a copy of a LeRobotDataset v3.0, for its policies.

Sources: store, images, clouds, parquet, zarr, lerobot (v2.0 to v3.0). Leaves safetensors shards, index.parquet (one row
an observation) and manifest.json (provenance) under RUN/embeddings/NAME; rows that could not be read or embedded in
failures.parquet too, and status 1. Interrupted, the same command goes on with the shards that are missing. Some 2,000
observations a second on 2 cores with the demo's encoders.
"""

import argparse
from pathlib import Path

from smcrep import script
from smcrep.engines import ENGINES
from smcrep.extraction.extract import damaged_shards, extract, verify
from smcrep.extraction.index import FAILURES, failures
from smcrep.extraction.lerobot_copy import feature_lines, inject
from smcrep.extraction.output import DTYPES, Output
from smcrep.extraction.sources import KINDS, SourceSpec, parse
from smcrep.pretraining.folder import store_path

MOST_LINES = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a run, or of a saved model")
    parser.add_argument("--source", help=f"KIND:PATH, of kind {', '.join(KINDS)} (default: the run's test store)")
    parser.add_argument("--store", help="the same as --source store:PATH")
    parser.add_argument("--column", action="append", default=[], metavar="SENSE=COLUMN", help="which camera or column")
    parser.add_argument("--intrinsics", metavar="FX,FY,CX,CY", help="of the depth camera, pixels: depth gives clouds")
    parser.add_argument("--senses", nargs="+", help="those to read (default: all of the model)")
    parser.add_argument(
        "--parts",
        nargs="+",
        default=[],
        help="what to write: fused, SENSE, also with .invariant, .equivariant, .tokens; weight, precision, p_value",
    )
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="float32", help="of vectors and tokens")
    parser.add_argument("--normalise", action="store_true", help="vectors of length 1")
    parser.add_argument("--out", type=Path, help="folder of the embeddings (default: RUN/embeddings/NAME_OF_SOURCE)")
    parser.add_argument("--lerobot-copy", type=Path, help="also write a LeRobotDataset v3.0 with the embeddings in it")
    parser.add_argument(
        "--rows-per-shard", type=script.at_least(1), help="observations in each file (default: 64 MiB of them)"
    )
    parser.add_argument("--engine", choices=sorted(ENGINES), default="local", help="what makes the shards")
    parser.add_argument(
        "--processes", type=script.at_least(1), default=1, help="worker processes; each loads the model"
    )
    arguments = parser.parse_args()
    spec = source_of(arguments)
    out = arguments.out or arguments.run / "embeddings" / Path(spec.path).name
    manifest = extract(
        arguments.run,
        spec,
        out,
        senses=arguments.senses,
        output=Output(tuple(arguments.parts), arguments.dtype, arguments.normalise),
        rows_per_shard=arguments.rows_per_shard,
        engine=ENGINES[arguments.engine],
        workers=arguments.processes,
    )
    for line in manifest.source.open().report:
        print(line)
    left = damaged_shards(out, manifest) if arguments.engine == "slurm" else {}
    if left:
        print(f"{len(left)} shards are left to other jobs of the array; the one that ends last writes the index")
        return
    if faults := verify(out, manifest):
        raise ValueError("; ".join(faults))
    num_failed, lines = failures(out)
    made = manifest.num_rows - num_failed
    print(f"{made} embeddings of {manifest.embed_dim} numbers in {manifest.num_shards} shards: {out}")
    if arguments.lerobot_copy:
        print(f"a copy of the dataset with the embeddings in it: {arguments.lerobot_copy}")
        for line in feature_lines(inject(Path(spec.path), out, arguments.lerobot_copy)):
            print(line)
    if lines:
        for line in lines[:MOST_LINES]:
            print(f"failed: {line}")
        raise ValueError(
            f"{len(lines)} faults of the source; {num_failed} of {manifest.num_rows} rows have no embedding, the other "
            f"rows are whole; all are named in {out / FAILURES}"
        )


def source_of(arguments: argparse.Namespace) -> SourceSpec:
    if arguments.source and arguments.store:
        raise ValueError("--source and --store name two sources; give one")
    text = arguments.source or f"store:{arguments.store or store_path(arguments.run, 'test')}"
    return parse(text, arguments.column, arguments.intrinsics)


if __name__ == "__main__":
    script.run("extract", main)
