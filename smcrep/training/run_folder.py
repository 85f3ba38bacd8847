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
    try:
        stores = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON ({error}); run experiments/pretrain.py again") from None
    if not isinstance(stores, dict) or not all(isinstance(where, str) for where in stores.values()):
        raise ValueError(f"{path}: names no stores; run experiments/pretrain.py again")
    if split not in stores:
        raise ValueError(f"{path}: names no store {split!r}, only {sorted(stores)}; give a whole run")
    return Path(stores[split])
