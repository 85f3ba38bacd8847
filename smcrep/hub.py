"""Models by name and from disk: build, save, load, and turn raw observations into what `embed` takes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from smcrep.fusion import HEADS, rule
from smcrep.models.config import ModelConfig
from smcrep.models.model import SensorimotorModel
from smcrep.models.weights import CONFIG, read_config
from smcrep.senses import SENSES
from smcrep.transition import Beliefs

CONDITION_UNITS = {"action": "SI (m, N, s)", "physics": "see PHYSICS_NAMES"}
CONDITION_FRAMES = {"action": "camera as it stood before the action"}


def build_model(config: ModelConfig) -> SensorimotorModel:
    """An untrained model with the fusion rule that ``config.fusion`` names. Weights come from torch's generator."""
    return SensorimotorModel(config, fusion_of(config))


def fusion_of(config: ModelConfig) -> Callable[[Beliefs], tuple[Tensor, Tensor]]:
    """The rule, or the head (unfitted), that ``config.fusion`` names; ValueError in one line where there is none."""
    if config.fusion in HEADS:
        return HEADS[config.fusion](len(config.senses), config.invariant_dim, config.equivariant_dim)
    return rule(config.fusion)


def save_pretrained(
    model: SensorimotorModel, directory: str | Path, provenance: Mapping[str, Any] | None = None
) -> None:
    """`SensorimotorModel.save_pretrained`, as a function."""
    model.save_pretrained(directory, dict(provenance or {}))


def from_pretrained(directory: str | Path) -> SensorimotorModel:
    """The model in a folder that `save_pretrained` wrote (or in ``model/`` of a run), in evaluation mode."""
    directory = model_folder(directory)
    config, _ = read_config(directory)
    return SensorimotorModel.from_pretrained(directory, fusion_of(config))


def load_model(run_or_dir: str | Path) -> tuple[SensorimotorModel, int, "Transform", dict[str, Any]]:
    """``model, embed_dim, transform, meta`` of a run folder or a model folder.

    model      in evaluation mode, on the CPU; ``model.embed(NAME=..., ...)`` with its senses.
    embed_dim  length of every embedding: `invariant_dim` numbers of the invariant part, then 3 `num_vectors` + 9
               `num_tensors` of the equivariant part.
    transform  ``model.embed(**transform({NAME: observation, ...}))``; see `Transform`.
    meta       config, provenance, senses, sizes, units, frames: JSON.

    Raises ValueError in one line where files are missing, damaged, or of another version.
    """
    directory = model_folder(run_or_dir)
    config, provenance = read_config(directory)
    model = from_pretrained(directory)
    meta = {
        "config": config.to_json(),
        "provenance": provenance,
        "senses": list(config.senses),
        "sizes": {
            "embed_dim": config.embed_dim,
            "num_invariant": config.invariant_dim,
            "num_vectors": config.num_vectors,
            "num_tensors": config.num_tensors,
            "parameters": sum(p.numel() for p in model.parameters()),
        },
        "units": {name: SENSES[name].unit for name in config.senses} | CONDITION_UNITS,
        "frames": {name: SENSES[name].frame for name in config.senses} | CONDITION_FRAMES,
    }
    return model, config.embed_dim, Transform(config.names), meta


class Transform:
    """One observation or a batch of any of the model's senses -> what `SensorimotorModel.embed` takes; a single
    observation becomes a batch of one.

    What each sense takes stands in its record (`Sense.convert`): pictures as PIL images, arrays or lists of images of
    one size; clouds as [n, 3] or [b, n, 3] in metres, camera frame; ...
    """

    def __init__(self, senses: tuple[str, ...]) -> None:
        self.senses = senses

    def __call__(self, observation: Mapping[str, Any]) -> dict[str, Tensor]:
        unknown = sorted(observation.keys() - set(self.senses))
        if unknown:
            raise ValueError(f"transform: unknown sense {unknown[0]!r}; this model has {', '.join(self.senses)}")
        found = {}
        for name, value in observation.items():
            if value is not None:
                x = SENSES[name].convert(value)
                found[name] = x[None] if x.ndim == SENSES[name].item_ndim else x
        return found


def model_folder(path: str | Path) -> Path:
    """The folder that holds the model: ``model/`` of a run, or the given one itself. ValueError where there is none."""
    path = Path(path)
    if not path.is_dir():
        raise ValueError(f"load_model: no folder {path}; give a run folder or one written by save_pretrained")
    return path / "model" if not (path / CONFIG).is_file() and (path / "model").is_dir() else path
