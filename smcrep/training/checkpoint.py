"""The state of a run on disk: written whole or not at all, read without pickle."""

import os
import shutil
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from smcrep.files import atomic_write
from smcrep.records import differences
from smcrep.training.recipes import Recipe

FORMAT_VERSION = 1
FILE, PREVIOUS = "last.pt", "previous.pt"


def path_in(folder: Path) -> Path:
    return folder / FILE


FREE = ("name", "log_every", "checkpoint_every", "probe_every")
"""Fields of a recipe that may change between a run and its continuation: they decide no weight."""


def save(folder: Path, state: dict[str, Any], recipe: Recipe) -> Path:
    """Write tensors, numbers, strings and containers of them to ``folder``/last.pt; what was the last becomes
    previous.pt."""
    folder.mkdir(parents=True, exist_ok=True)
    path = path_in(folder)
    with atomic_write(path) as written:
        with written.open("wb") as file:  # a path would do, but then a full disk is a RuntimeError without its name
            torch.save({"version": FORMAT_VERSION, "recipe": recipe.to_json(), **state}, file)
        if path.exists():
            with atomic_write(folder / PREVIOUS) as kept:
                try:
                    os.link(path, kept)
                except OSError:  # a file system without links
                    shutil.copyfile(path, kept)
    return path


def load(folder: Path, recipe: Recipe) -> dict[str, Any] | None:
    """What `save` wrote, on the CPU; None where nothing was. Where the last checkpoint is damaged, the one before it,
    with a line on stderr. ValueError where that is damaged too, would have to run code to be read, or belongs to
    another recipe."""
    path, previous = path_in(folder), folder / PREVIOUS
    if not path.exists() and not previous.exists():
        return None
    try:
        return _load(path, recipe)
    except Damaged as error:
        if not previous.exists():
            raise
        state = _load(previous, recipe)
        print(f"{error}; going on from the one before it, step {state.get('step')}", file=sys.stderr)
        return state


class Damaged(ValueError):
    """A checkpoint that cannot be read."""


def _load(path: Path, recipe: Recipe) -> dict[str, Any]:
    remedy = "remove the folder, or train into another one"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # any other pickle is refused below, in our words
            _check_sums(path)
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its unpickler stumbles over
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Damaged(f"checkpoint {path}: it cannot be read ({reason}); {remedy}") from error
    if not isinstance(state, dict) or state.get("version") != FORMAT_VERSION:
        version = state.get("version") if isinstance(state, dict) else None
        raise ValueError(
            f"checkpoint {path}: it has version {version!r} and this smcrep reads {FORMAT_VERSION}; {remedy}"
        )
    try:
        found = differences(Recipe.from_json(state.get("recipe")), recipe, ignore=FREE)
    except ValueError as error:
        raise ValueError(f"checkpoint {path}: {error}; {remedy}") from None
    if found:
        raise ValueError(f"checkpoint {path}: it was trained otherwise (there / here): {', '.join(found)}; {remedy}")
    return state


def _check_sums(path: Path) -> None:
    """torch writes the checksums of its archive and does not look at them when it reads."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged:
        raise ValueError(f"the checksum of {damaged} differs")
