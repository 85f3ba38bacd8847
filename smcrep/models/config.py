"""What a model is made of: one frozen record that builds it, travels beside its weights, and is read back strictly."""

import json
import math
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from typing import Any

from smcrep.geometry.action import ACTION_DIM
from smcrep.geometry.physics import PHYSICS_DIM

FORMAT_VERSION = 2
SENSES = ("rgb", "points")
POINTS_ENCODERS = ("pointnet", "dgcnn")
PREDICTORS = ("group_residual", "group", "mlp", "hypernetwork", "equimod")
FUSIONS = ("precision", "equal")
NORM_GROUPS = 8
MAX_BLOCKS = 1000
MAX_COUNT = 1 << 16
"""No part of a model is as wide; a damaged file may declare any number."""


@dataclass(frozen=True)
class ModelConfig:
    """Sizes, parts and input scales of a `SensorimotorModel`.

    rgb_encoder     "small" (our CNN) or any timm name.
    rgb_width       channels of the small CNN's first map; the second has twice, the third four times as many.
    rgb_blocks      residual blocks of two 3 x 3 convolutions on its last map.
    rgb_size        side in pixels to which every image is resized.
    rgb_frozen_norm  True: BatchNorm of a timm encoder keeps the statistics that its weights came with, in training too.
    num_vectors, num_tensors
                    the equivariant part is so many vectors in R^3, then so many tensors of rank 2, 3 x 3 (18 and
                    8: 126 numbers, beside 128 invariant ones); see `predictors.rotate`.
    use_action      False: the control variant. The action is replaced by `hold` in training and evaluation alike.
    use_physics     False: the model is never told mass, friction, ...
    points_scale_m  clouds, centred on their own mean, are divided by this many metres.
    action_mean, action_std, physics_mean, physics_std
                    scale the condition; fitted on the sampler by `fit_scales`. Empty: not scaled.
    rgb_mean, rgb_std
                    of each channel, in [0, 1].
    """

    senses: tuple[str, ...] = SENSES
    rgb_encoder: str = "small"
    rgb_width: int = 16
    rgb_blocks: int = 0
    rgb_size: int = 64
    rgb_frozen_norm: bool = False
    points_encoder: str = "pointnet"
    trunk_dim: int = 256
    invariant_dim: int = 128
    num_vectors: int = 18
    num_tensors: int = 8
    projector_dim: int = 128
    predictor: str = "group_residual"
    predictor_hidden: int = 256
    condition_dim: int = 64
    action_dim: int = ACTION_DIM
    physics_dim: int = PHYSICS_DIM
    use_action: bool = True
    use_physics: bool = True
    fusion: str = "precision"
    points_scale_m: float = 0.05
    action_mean: tuple[float, ...] = ()
    action_std: tuple[float, ...] = ()
    physics_mean: tuple[float, ...] = ()
    physics_std: tuple[float, ...] = ()
    rgb_mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    rgb_std: tuple[float, float, float] = (0.25, 0.25, 0.25)

    def __post_init__(self) -> None:
        for field in fields(self):  # JSON and a command line give lists and ints
            value = getattr(self, field.name)
            if isinstance(field.default, tuple):
                if not isinstance(value, list | tuple):
                    raise ValueError(f"ModelConfig: {field.name} is {value!r}; give a sequence")
                object.__setattr__(self, field.name, tuple(value))
            elif isinstance(field.default, float) and isinstance(value, int) and not isinstance(value, bool):
                object.__setattr__(self, field.name, float(value))
            elif type(value) is not type(field.default):
                wanted = type(field.default).__name__
                raise ValueError(f"ModelConfig: {field.name} is {value!r}; give a value of type {wanted}")
        unknown = [sense for sense in self.senses if sense not in SENSES]
        if unknown or not self.senses or len(set(self.senses)) != len(self.senses):
            raise ValueError(f"ModelConfig: senses is {self.senses}; choose each at most once from {SENSES}")
        _one_of("points_encoder", self.points_encoder, POINTS_ENCODERS)
        _one_of("predictor", self.predictor, PREDICTORS)
        _one_of("fusion", self.fusion, FUSIONS)
        if self.rgb_width % NORM_GROUPS or not 0 <= self.rgb_blocks <= MAX_BLOCKS:
            raise ValueError(
                f"ModelConfig: rgb_width is {self.rgb_width} and rgb_blocks {self.rgb_blocks}; give a multiple of "
                f"{NORM_GROUPS} and 0 to {MAX_BLOCKS}"
            )
        for name in _COUNTS:
            if not 1 <= getattr(self, name) <= MAX_COUNT:
                raise ValueError(f"ModelConfig: {name} is {getattr(self, name)}; give an integer of 1 to {MAX_COUNT}")
        if min(self.num_vectors, self.num_tensors) < 0 or not 1 <= self.equivariant_dim <= MAX_COUNT:
            raise ValueError(
                f"ModelConfig: num_vectors is {self.num_vectors} and num_tensors {self.num_tensors}; give 0 or more of "
                "each, and at least 1 of either"
            )
        for name, dim in (("action", self.action_dim), ("physics", self.physics_dim), ("rgb", 3)):
            mean, std = getattr(self, f"{name}_mean"), getattr(self, f"{name}_std")
            if len(mean) != len(std) or len(mean) not in ({3} if name == "rgb" else {0, dim}):
                raise ValueError(
                    f"ModelConfig: {name}_mean has {len(mean)} and {name}_std {len(std)} numbers; give {dim} of each"
                )
            if not all(map(math.isfinite, mean)) or not all(math.isfinite(s) and s > 0 for s in std):
                raise ValueError(f"ModelConfig: {name}_mean and {name}_std must be finite and {name}_std above 0")
        if not (math.isfinite(self.points_scale_m) and self.points_scale_m > 0):
            raise ValueError(f"ModelConfig: points_scale_m is {self.points_scale_m}; give metres above 0")

    @property
    def equivariant_dim(self) -> int:
        return 3 * self.num_vectors + 9 * self.num_tensors

    @property
    def embed_dim(self) -> int:
        return self.invariant_dim + self.equivariant_dim

    def to_json(self) -> dict[str, Any]:
        """A dictionary that `json.dumps` takes, with the version of the format."""
        return {"version": FORMAT_VERSION, **json.loads(json.dumps(asdict(self)))}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "ModelConfig":
        """The inverse of `to_json`. A foreign version or an unknown field raises ValueError in one line."""
        record = dict(record)
        version = record.pop("version", None)
        if version != FORMAT_VERSION:
            raise ValueError(
                f"model configuration: it has version {version!r} and this smcrep reads {FORMAT_VERSION}; "
                "save the model again with the smcrep that made it, or install that one"
            )
        names = [field.name for field in fields(cls)]
        for key in record:
            if key not in names:
                near = get_close_matches(key, names, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
                raise ValueError(f"model configuration: unknown field {key!r}; {hint}")
        return cls(**record)


_COUNTS = (
    *("rgb_width", "rgb_size", "trunk_dim", "invariant_dim", "projector_dim", "predictor_hidden"),
    *("condition_dim", "action_dim", "physics_dim"),
)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"ModelConfig: {name} is {value!r}; choose one of {', '.join(choices)}")
