"""What a model is made of: one frozen record that builds it, travels beside its weights, and is read back strictly."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smcrep.geometry.action import ACTION_DIM
from smcrep.geometry.physics import PHYSICS_DIM
from smcrep.models.predictors import PREDICTORS
from smcrep.records import from_record, to_record
from smcrep.senses import DEFAULT_SENSES, SENSES
from smcrep.senses.version_2 import upgrade_config

FORMAT_VERSION = 3
MAX_COUNT = 1 << 16
"""No part of a model is as wide; a damaged file may declare any number."""


@dataclass(frozen=True)
class ModelConfig:
    """Senses, sizes, parts and input scales of a `SensorimotorModel`."""

    senses: dict[str, Any] = field(default_factory=lambda: dict.fromkeys(DEFAULT_SENSES))
    """Settings of each sense, by its name (`smcrep.senses`); a sequence of names takes their defaults."""
    trunk_dim: int = 256
    """Features of each encoder, for the invariant and for the equivariant part."""
    invariant_dim: int = 128
    """Numbers of the invariant part: which object it is."""
    num_vectors: int = 18
    """The equivariant part starts with so many vectors in R^3; see `smcrep.models.predictors.rotate`."""
    num_tensors: int = 8
    """The equivariant part ends with so many tensors of rank 2, 3 x 3."""
    projector_dim: int = 128
    """Numbers in which the invariant contrast is taken."""
    predictor: str = "group_residual"
    """How the action moves the equivariant part: group_residual, group, mlp, hypernetwork, equimod or sie."""
    predictor_hidden: int = 256
    """Width of the predictor's layers."""
    condition_dim: int = 64
    """Numbers that action and physics are encoded in."""
    action_dim: int = ACTION_DIM
    """Numbers of an action vector."""
    physics_dim: int = PHYSICS_DIM
    """Numbers of a physics vector."""
    use_action: bool = True
    """False: the baseline that is not conditioned on the action, in training and evaluation alike."""
    use_physics: bool = True
    """False: the model is not conditioned on mass, friction, ..."""
    fusion: str = "precision"
    """Rule or head that fuses the senses' beliefs (`smcrep.fusion.RULES`, `HEADS`)."""
    action_mean: tuple[float, ...] = ()
    """Mean of each number of the action vector, fitted on the training data; empty: not scaled."""
    action_std: tuple[float, ...] = ()
    """Standard deviation of each number of the action vector."""
    physics_mean: tuple[float, ...] = ()
    """Mean of each number of the physics vector, fitted on the training data; empty: not scaled."""
    physics_std: tuple[float, ...] = ()
    """Standard deviation of each number of the physics vector."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "senses", _settings(self.senses))
        for name in ("action_mean", "action_std", "physics_mean", "physics_std"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.predictor not in PREDICTORS:
            raise ValueError(
                f"ModelConfig: predictor is {self.predictor!r}; choose one of {', '.join(PREDICTORS)}, or add yours to "
                "smcrep.models.predictors.PREDICTORS"
            )
        for name in _COUNTS:
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= MAX_COUNT:
                raise ValueError(f"ModelConfig: {name} is {value!r}; give an integer of 1 to {MAX_COUNT}")
        if min(self.num_vectors, self.num_tensors) < 0 or not 1 <= self.equivariant_dim <= MAX_COUNT:
            raise ValueError(
                f"ModelConfig: num_vectors is {self.num_vectors} and num_tensors {self.num_tensors}; give 0 or more of "
                "each, and at least 1 of either"
            )
        for name, dim in (("action", self.action_dim), ("physics", self.physics_dim)):
            mean, std = getattr(self, f"{name}_mean"), getattr(self, f"{name}_std")
            if len(mean) != len(std) or len(mean) not in (0, dim):
                raise ValueError(
                    f"ModelConfig: {name}_mean has {len(mean)} and {name}_std {len(std)} numbers; give {dim} of each"
                )
            if not all(map(math.isfinite, mean)) or not all(math.isfinite(s) and s > 0 for s in std):
                raise ValueError(f"ModelConfig: {name}_mean and {name}_std must be finite and {name}_std above 0")

    @property
    def names(self) -> tuple[str, ...]:
        """Of the senses, in their order."""
        return tuple(self.senses)

    @property
    def equivariant_dim(self) -> int:
        return 3 * self.num_vectors + 9 * self.num_tensors

    @property
    def embed_dim(self) -> int:
        return self.invariant_dim + self.equivariant_dim

    def to_json(self) -> dict[str, Any]:
        """A dictionary that `json.dumps` takes, with the version of the format."""
        return {"version": FORMAT_VERSION, **to_record(self)}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "ModelConfig":
        """The inverse of `to_json`; reads version 2 too. ValueError in one line for another version or an unknown
        field."""
        record = dict(record)
        version = record.pop("version", None)
        if version == 2:
            record = upgrade_config(record)
        elif version != FORMAT_VERSION:
            raise ValueError(
                f"model configuration: it has version {version!r} and this smcrep reads 2 and {FORMAT_VERSION}; "
                "save the model again with the smcrep that made it, or install that one"
            )
        return from_record(cls, record, "model configuration")


_COUNTS = (
    "trunk_dim",
    "invariant_dim",
    "projector_dim",
    "predictor_hidden",
    "condition_dim",
    "action_dim",
    "physics_dim",
)


def _settings(senses: Any) -> dict[str, Any]:
    """Name -> settings; None or a plain dictionary of fields becomes the settings of that sense."""
    if isinstance(senses, list | tuple):
        if len(set(senses)) != len(senses):
            raise ValueError(f"ModelConfig: senses is {tuple(senses)}; give each sense once")
        senses = dict.fromkeys(senses)
    if not isinstance(senses, Mapping) or not senses:
        raise ValueError(f"ModelConfig: senses is {senses!r}; give at least one of {', '.join(SENSES)}")
    found = {}
    for name, given in senses.items():
        kind = SENSES[name].settings
        if given is None:
            given = kind()
        elif isinstance(given, dict):
            given = from_record(kind, given, f"senses.{name}")
        elif type(given) is not kind:
            raise ValueError(f"ModelConfig: senses[{name!r}] is {type(given).__name__}; give {kind.__name__}")
        found[name] = given
    return found
