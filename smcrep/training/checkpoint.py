"""The state of a run on disk: written whole or not at all, read without pickle."""

import os
import warnings
from pathlib import Path
from typing import Any

import torch

from smcrep.training.recipes import Recipe, unlike

FORMAT_VERSION = 1
FILE = "last.pt"


def path_in(folder: Path) -> Path:
    return folder / FILE


FREE = ("name", "log_every", "checkpoint_every", "probe_every")
"""Fields of a recipe that may change between a run and its continuation: they decide no weight."""


def save(folder: Path, state: dict[str, Any], recipe: Recipe) -> Path:
    """Write tensors, numbers, strings and containers of them to ``folder``/last.pt, replacing it atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    path, written = path_in(folder), folder / f"{FILE}.{os.getpid()}.tmp"
    try:
        torch.save({"version": FORMAT_VERSION, "recipe": recipe.to_json(), **state}, written)
        with written.open("rb") as file:
            os.fsync(file.fileno())
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)
    return path


def load(folder: Path, recipe: Recipe) -> dict[str, Any] | None:
    """What `save` wrote, on the CPU; None where nothing was. ValueError for a file that is damaged, that would have to
    run code to be read, or that belongs to another recipe."""
    path = path_in(folder)
    if not path.exists():
        return None
    remedy = "remove the folder, or train into another one"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a foreign pickle is refused below, in our words
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its unpickler stumbles over
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"checkpoint {path}: it cannot be read ({reason}); {remedy}") from error
    if not isinstance(state, dict) or state.get("version") != FORMAT_VERSION:
        version = state.get("version") if isinstance(state, dict) else None
        raise ValueError(
            f"checkpoint {path}: it has version {version!r} and this smcrep reads {FORMAT_VERSION}; {remedy}"
        )
    try:
        found = unlike(Recipe.from_json(state.get("recipe")), recipe, ignore=FREE)  # type: ignore[arg-type]
    except ValueError as error:
        raise ValueError(f"checkpoint {path}: {error}; {remedy}") from None
    if found:
        raise ValueError(f"checkpoint {path}: it was trained otherwise (there / here): {', '.join(found)}; {remedy}")
    return state
