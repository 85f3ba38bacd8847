"""Is every bit of a store or of extracted embeddings as it was written? Names the shards that are not.

    python experiments/verify.py data/train runs/ycb/embeddings/test
    python experiments/verify.py data/train --discard      # deletes them; the command that made the folder goes on

Reads every byte, at the speed of the disk. Exit 1 where anything is damaged.
"""

import argparse
import json
from pathlib import Path

from smcrep import script
from smcrep.data import store
from smcrep.data.shard import sidecar
from smcrep.extraction import extract
from smcrep.extraction.manifest import read_manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="stores, or embeddings that extract.py wrote")
    parser.add_argument("--discard", action="store_true", help="delete the damaged shards")
    arguments = parser.parse_args()
    found: dict[Path, str] = {}
    for folder in arguments.folders:
        here = damaged(folder)
        found |= here
        print(f"{folder}: {len(here)} shards damaged" if here else f"{folder}: whole")
    if arguments.discard:
        for path in found:
            path.unlink(missing_ok=True)
            sidecar(path).unlink(missing_ok=True)
    if found:
        raise ValueError("\n".join(found.values()))


def damaged(folder: Path) -> dict[Path, str]:
    try:
        embeddings = "embed_dim" in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        embeddings = False  # the reader of stores says what is wrong
    return extract.damaged(folder, read_manifest(folder)) if embeddings else store.damaged(folder)


if __name__ == "__main__":
    script.run("verify", main)
