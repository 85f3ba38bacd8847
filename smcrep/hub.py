"""Models by name and from disk: build, save, load, and turn raw observations into what `embed` takes."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from smcrep.fusion import FUSION
from smcrep.models.config import ModelConfig
from smcrep.models.model import SensorimotorModel
from smcrep.models.weights import CONFIG, read_config

UNITS = {"rgb": "uint8 0..255, sRGB", "points": "metres", "action": "SI (m, N, s)", "physics": "see PHYSICS_NAMES"}
FRAMES = {
    "rgb": "[b, h, w, 3], rows from the top",
    "points": "camera: x right, y down, z forward",
    "action": "camera as it stood before the action",
}


def build_model(config: ModelConfig) -> SensorimotorModel:
    """An untrained model with the fusion rule that ``config.fusion`` names. Weights come from torch's generator."""
    return SensorimotorModel(config, FUSION[config.fusion])


def save_pretrained(
    model: SensorimotorModel, directory: str | Path, provenance: Mapping[str, Any] | None = None
) -> None:
    """`SensorimotorModel.save_pretrained`, as a function."""
    model.save_pretrained(directory, dict(provenance or {}))


def from_pretrained(directory: str | Path) -> SensorimotorModel:
    """The model in a folder that `save_pretrained` wrote (or in ``model/`` of a run), in evaluation mode."""
    directory = model_folder(directory)
    config, _ = read_config(directory)
    return SensorimotorModel.from_pretrained(directory, FUSION[config.fusion])


def load_model(run_or_dir: str | Path) -> tuple[SensorimotorModel, int, "Transform", dict[str, Any]]:
    """``model, embed_dim, transform, meta`` of a run folder or a model folder.

    model      in evaluation mode, on the CPU; ``model.embed(rgb=..., points=...)``.
    embed_dim  length of every embedding: `invariant_dim` numbers for what, then 3 `num_vectors` + 9 `num_tensors` for
               how it stands.
    transform  ``model.embed(**transform({"rgb": image, "points": cloud}))``; see `Transform`.
    meta       config, provenance, senses, sizes, units, frames: JSON.

    Raises ValueError in one line where files are missing, damaged, or of another version.
    """
    directory = model_folder(run_or_dir)
    config, provenance = read_config(directory)
    model = from_pretrained(directory)
    meta = {
        "config": asdict(config),
        "provenance": provenance,
        "senses": list(config.senses),
        "sizes": {
            "embed_dim": config.embed_dim,
            "num_invariant": config.invariant_dim,
            "num_vectors": config.num_vectors,
            "num_tensors": config.num_tensors,
            "rgb_size": config.rgb_size,
            "parameters": sum(p.numel() for p in model.parameters()),
        },
        "units": UNITS,
        "frames": FRAMES,
    }
    return model, config.embed_dim, Transform(config.senses), meta


class Transform:
    """One observation or a batch, as arrays, tensors or PIL images -> {"rgb": uint8 [b, h, w, 3], "points": float32
    [b, n, 3]}, ready for `SensorimotorModel.embed`; a single observation becomes a batch of one.

    rgb     PIL image (any mode), uint8 [h, w, 3] or [b, h, w, 3], or a list of images of one size.
    points  [n, 3] or [b, n, 3], metres, camera frame.
    """

    def __init__(self, senses: tuple[str, ...]) -> None:
        self.senses = senses

    def __call__(self, observation: Mapping[str, Any]) -> dict[str, Tensor]:
        unknown = sorted(observation.keys() - set(self.senses))
        if unknown:
            raise ValueError(f"transform: unknown sense {unknown[0]!r}; this model has {', '.join(self.senses)}")
        found: dict[str, Tensor] = {}
        if observation.get("rgb") is not None:
            found["rgb"] = _batched(_images(observation["rgb"]), 4)
        if observation.get("points") is not None:
            points = torch.as_tensor(observation["points"])
            found["points"] = _batched(points.float() if points.is_floating_point() else points, 3)
        return found


def _images(value: Any) -> Tensor:
    if isinstance(value, list | tuple):
        images = [_images(item) for item in value]
        sizes = {tuple(image.shape) for image in images}
        if len(sizes) != 1:
            raise ValueError(f"transform: rgb is a list of images of sizes {sorted(sizes)}; give images of one size")
        return torch.stack(images)
    if hasattr(value, "convert"):  # a PIL image; Pillow itself is not needed for arrays
        value = np.array(value.convert("RGB"))
    return torch.as_tensor(value)


def _batched(x: Tensor, ndim: int) -> Tensor:
    return x[None] if x.ndim == ndim - 1 else x


def model_folder(path: str | Path) -> Path:
    """The folder that holds the model: ``model/`` of a run, or the given one itself. ValueError where there is none."""
    path = Path(path)
    if not path.is_dir():
        raise ValueError(f"load_model: no folder {path}; give a run folder or one written by save_pretrained")
    return path / "model" if not (path / CONFIG).is_file() and (path / "model").is_dir() else path
