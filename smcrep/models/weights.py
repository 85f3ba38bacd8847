"""A model on disk: config.json and model.safetensors side by side; no pickle, nothing loaded loosely."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from smcrep.encoders.names import COUNTER, unwrapped
from smcrep.files import atomic_write, atomic_write_bytes
from smcrep.models.config import ModelConfig
from smcrep.senses.version_2 import upgrade_name

CONFIG, WEIGHTS = "config.json", "model.safetensors"


def write_model(
    directory: str | Path, config: ModelConfig, weights: dict[str, Tensor], provenance: dict[str, Any]
) -> None:
    """Both files, each whole or not at all; weights first."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    record = {"format": "smcrep", "config": config.to_json(), "provenance": provenance}
    text = json.dumps(record, indent=1)  # before anything is written: a provenance that is no JSON fails here
    with atomic_write(directory / WEIGHTS) as file:
        save_file(_apart(weights), file)
    atomic_write_bytes(directory / CONFIG, text.encode())


def _apart(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU, each in memory of its own: a tensor that parts of a network share is written once for each."""
    found, seen = {}, set[int]()
    for name, tensor in weights.items():
        here = tensor.detach().cpu().contiguous()
        place = here.untyped_storage().data_ptr()
        found[name] = here.clone() if place in seen else here
        seen.add(place)
    return found


def read_config(directory: str | Path) -> tuple[ModelConfig, dict[str, Any]]:
    """Configuration and provenance; ValueError in one line where the file is missing, of another program or broken."""
    path = Path(directory) / CONFIG
    if not path.is_file():
        raise ValueError(f"load_model: no {CONFIG} in {directory}; give a folder written by save_pretrained, or a run")
    try:
        record = json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"load_model: {path} is not JSON ({error}); save the model again") from None
    if not isinstance(record, dict) or record.get("format") != "smcrep" or not isinstance(record.get("config"), dict):
        raise ValueError(f"load_model: {path} is not a model of smcrep; give a folder written by save_pretrained")
    try:
        return ModelConfig.from_json(record["config"]), record.get("provenance", {})
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"load_model: {path}: {error}; save the model again") from None


def check_weights(model: nn.Module, directory: str | Path) -> None:
    """Every tensor of both sides must match by name and shape, else ValueError in one line. Reads the header alone."""
    path = Path(directory) / WEIGHTS
    if not path.is_file():
        raise ValueError(f"load_model: no {WEIGHTS} in {directory}; save the model again")
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"load_model: {path} cannot be read ({reason}); it is cut or damaged, copy it again") from None
    own = model.state_dict()
    shapes = {own_name: shapes[name] for name, own_name in _own_names(shapes, own).items()}
    for name in sorted(own.keys() ^ shapes.keys()):
        if name in own and name.endswith(COUNTER):
            continue
        where = "lacks" if name in own else "has an unknown"
        raise ValueError(f"load_model: {path} {where} tensor {name!r}; {CONFIG} beside it is of another model")
    for name, shape in shapes.items():
        if shape != list(own[name].shape):
            raise ValueError(_unlike(path, f"tensor {name!r} is {shape}", f"{list(own[name].shape)}"))


def load_weights(model: nn.Module, directory: str | Path) -> None:
    """Fill ``model`` in place with tensors that `check_weights` found to fit; their types must match too."""
    path, own = Path(directory) / WEIGHTS, model.state_dict()
    read = load_file(path)
    weights = {own_name: read[name] for name, own_name in _own_names(read, own).items()}
    for name, tensor in weights.items():
        if tensor.dtype != own[name].dtype:
            raise ValueError(_unlike(path, f"tensor {name!r} is {tensor.dtype}", f"{own[name].dtype}"))
    model.load_state_dict({name: weights.get(name, own[name]) for name in own})  # only counters may be absent


def _own_names(names: Collection[str], own: Collection[str]) -> dict[str, str]:
    """Each name in a file -> what the model calls it."""
    return {name: upgrade_name(short) for name, short in unwrapped(names, own).items()}


def _unlike(path: Path, found: str, wanted: str) -> str:
    return f"load_model: {path}: {found}, {CONFIG} makes it {wanted}; the two files are not of one model"
