"""What a finished run left in its folder, for whoever evaluates it."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from smcrep.data.store import Store, identity
from smcrep.hub import from_pretrained
from smcrep.models.model import SensorimotorModel
from smcrep.results import write_json
from smcrep.training.recipes import Recipe

STORES, RECIPE = "stores.json", "recipe.json"
PATH = "path"
SUM = "sha256"
"""What stores.json says of each store."""


@dataclass(frozen=True)
class Pretrained:
    """A run that was trained: its folder, and from there its model, recipe and stores."""

    path: Path

    @cached_property
    def model(self) -> SensorimotorModel:
        """In evaluation mode, on the CPU."""
        return from_pretrained(self.path)

    @property
    def recipe(self) -> Recipe:
        path = self.path / RECIPE
        try:
            return Recipe.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"{path}: not the recipe of a run ({error}); run experiments/pretrain.py again") from None

    def store(self, split: str) -> Store:
        """The store of one split: "train", "val", "test", and "train-procedural" where there is one."""
        return Store(store_path(self.path, split))


def load(run: str | Path) -> Pretrained:
    """The run in a folder that `pretrain` wrote; ValueError in one line where it is none."""
    run = Path(run)
    _stores(run)
    return Pretrained(run)


def write_stores(run: Path, stores: dict[str, Path]) -> None:
    """Note where the stores of a run are, relative to its folder where they lie in it, so that it can be moved; and the
    sum of each one, by which another store at that place is told apart."""
    noted = {split: {PATH: _relative(path, run), SUM: identity(path)} for split, path in stores.items()}
    write_json(run / STORES, noted)


def store_path(run: Path, split: str) -> Path:
    """The store of one split of a run; ValueError in one line where ``run`` is none, or another store lies there."""
    stores = _stores(run)
    if split not in stores:
        raise ValueError(f"{run / STORES}: names no store {split!r}, only {sorted(stores)}; give a whole run")
    path, noted = run / stores[split][PATH], stores[split].get(SUM)
    if noted and (path / "manifest.json").is_file() and noted != identity(path):
        raise ValueError(
            f"{path}: another store than the one that the run {run} was made with; put that one back, or name this one "
            "with --store"
        )
    return path


def _stores(run: Path) -> dict[str, dict[str, str]]:
    """Split -> path and sum; runs of smcrep 0.2 noted paths alone."""
    path = run / STORES
    if not path.is_file():
        what = f"no {STORES} in it" if run.is_dir() else "no such folder"
        raise ValueError(f"{run}: {what}; give the folder that experiments/pretrain.py wrote with --out")
    try:
        stores = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON ({error}); run experiments/pretrain.py again") from None
    if isinstance(stores, dict):
        stores = {split: {PATH: noted} if isinstance(noted, str) else noted for split, noted in stores.items()}
        if all(_is_note(noted) for noted in stores.values()):
            return stores
    raise ValueError(f"{path}: names no stores; run experiments/pretrain.py again")


def _is_note(noted: object) -> bool:
    return isinstance(noted, dict) and PATH in noted and all(isinstance(value, str) for value in noted.values())


def _relative(path: Path, folder: Path) -> str:
    path, folder = path.resolve(), folder.resolve()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
