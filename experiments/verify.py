"""Is every byte of a store or of extracted embeddings as it was written? Names the files that are not.

    python experiments/verify.py data/train runs/ycb/embeddings/test
    python experiments/verify.py data/train --discard      # deletes them; the command that made the folder goes on

Shards, manifests and the index are read, at the speed of the disk. A damaged manifest is named and never deleted, and
nothing is judged by it. Exit 1 where anything is damaged.
"""

import argparse
import json
from pathlib import Path

from smcrep import script
from smcrep.data import store
from smcrep.data.shard import sidecar
from smcrep.extraction import extract
from smcrep.extraction.manifest import FILE, read_manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="stores, or embeddings that extract.py wrote")
    parser.add_argument("--discard", action="store_true", help="delete the damaged shards")
    arguments = parser.parse_args()
    found: dict[Path, str] = {}
    for folder in arguments.folders:
        here = damaged(folder)
        found |= here
        print(f"{folder}: {len(here)} files damaged" if here else f"{folder}: whole")
    if arguments.discard:
        for path in found:
            if path.name != FILE:
                path.unlink(missing_ok=True)
                sidecar(path).unlink(missing_ok=True)
    if found:
        raise ValueError("\n".join(found.values()))


def damaged(folder: Path) -> dict[Path, str]:
    """File -> what is wrong with it."""
    if not has_embeddings(folder):
        return store.damaged(folder)
    try:
        return extract.damaged(folder, read_manifest(folder))
    except ValueError as error:
        return {folder / FILE: str(error)}


def has_embeddings(folder: Path) -> bool:
    """Whether a folder is one of embeddings, also where its shards are gone or its manifest can no longer be read."""
    if any(folder.glob("shard-*.safetensors")):
        return True
    try:
        return "embed_dim" in json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, RecursionError):
        return False


if __name__ == "__main__":
    script.run("verify", main)
