"""What a finished run left, for the experiments that question it."""

import json
from pathlib import Path

STORES = "stores.json"


def store_path(run: Path, split: str) -> Path:
    """The store of one split ("train", "val", "test") of a run; ValueError in one line where ``run`` is none."""
    path = run / STORES
    if not path.is_file():
        what = f"no {STORES} in it" if run.is_dir() else "no such folder"
        raise ValueError(f"{run}: {what}; give the folder that experiments/pretrain.py wrote with --out")
    stores = json.loads(path.read_text(encoding="utf-8"))
    if split not in stores:
        raise ValueError(f"{path}: names no store {split!r}, only {', '.join(sorted(stores))}")
    return Path(stores[split])
