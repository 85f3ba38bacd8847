"""The types at the border: what was sensed, what was done, what is believed. Axes and units stand here once.

Legend: b batch, k branches of one state (outcomes of k actions, or of k physics samples), n points, m senses,
d embedding, a action vector, p physics vector. ``...`` stands for any leading axes, usually [b] or [b, k].
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from smcrep.geometry.action import Action

T = TypeVar("T")

FUSED = "fused"
"""Stands beside the names of senses for the embedding that they are fused into."""


def map_tensors(value: T, function: Callable[[Tensor], Tensor]) -> T:
    """The same (nested) dataclass or dictionary with ``function`` applied to every tensor in it."""
    if isinstance(value, Tensor):
        return function(value)  # type: ignore[return-value]
    if isinstance(value, dict):
        return {key: map_tensors(item, function) for key, item in value.items()}  # type: ignore[return-value]
    if hasattr(value, "__dataclass_fields__"):
        changed = {f.name: map_tensors(getattr(value, f.name), function) for f in fields(value)}  # type: ignore[arg-type]
        return replace(value, **changed)  # type: ignore[type-var]
    return value


def concatenate(values: list[T]) -> T:
    """Equal (nested) dataclasses or dictionaries as one, every tensor joined along its first axis."""
    first = values[0]
    if isinstance(first, Tensor):
        return torch.cat(values)  # type: ignore[call-overload,return-value]
    if isinstance(first, dict):
        return {key: concatenate([v[key] for v in values]) for key in first}  # type: ignore[index,return-value]
    if hasattr(first, "__dataclass_fields__"):
        joined = {f.name: concatenate([getattr(v, f.name) for v in values]) for f in fields(first)}  # type: ignore[arg-type]
        return replace(first, **joined)  # type: ignore[type-var]
    return first


class Batch:
    """Mixin: every tensor of a frozen dataclass is moved or indexed together."""

    def to(self, device: torch.device | str) -> Any:
        return map_tensors(self, lambda t: t.to(device))

    def __getitem__(self, index: Any) -> Any:
        return map_tensors(self, lambda t: t[index])


@dataclass(frozen=True)
class Senses(Mapping[str, Tensor]):
    """What was sensed, by name.

    data     name -> [..., *item], as the sense's record says (`smcrep.senses`): pictures are uint8 [..., h, w, 3],
             clouds float32 [..., n, 3] metres in the camera's frame (x right, y down, z forward).
    present  bool [...] for each name: False where that sense was absent (its data are then meaningless).
    """

    data: dict[str, Tensor]
    present: dict[str, Tensor]

    @classmethod
    def all_present(cls, data: dict[str, Tensor], batch_dims: int = 1) -> "Senses":
        return cls(data, {k: torch.ones(v.shape[:batch_dims], dtype=torch.bool) for k, v in data.items()})

    def __getitem__(self, name: str) -> Tensor:
        return self.data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    @property
    def batch_shape(self) -> torch.Size:
        return next(iter(self.present.values())).shape

    def only(self, *names: str) -> "Senses":
        return Senses({n: self.data[n] for n in names}, {n: self.present[n] for n in names})

    def map(self, function: Callable[[Tensor], Tensor]) -> "Senses":
        """``function`` on every data and presence tensor (to move, to index the leading axes)."""
        return map_tensors(self, function)

    def flatten(self) -> "Senses":
        """[b, k, ...] -> [b * k, ...]: all leading axes become one."""
        depth = len(self.batch_shape)
        return self.map(lambda t: t.flatten(0, depth - 1))


@dataclass(frozen=True)
class Transition(Batch):
    """One state of the world, k actions (or physics samples) from it, and what was sensed before and after.

    ``k >= 2`` outcomes of one and the same state are what makes the action necessary (with k same-state candidates
    per query, using it is worth at most log k nats to a contrastive loss; with k = 1 ignoring it is optimal).
    """

    before: Senses  # [b]
    after: Senses  # [b, k]
    action: Action  # [b, k] (or another `ActionLike`), in camera coordinates of the observation before
    physics: Tensor | None  # float32 [b, k, p], geometry.physics.PHYSICS_NAMES; None where unknown
    state_id: Tensor  # int64 [b]
    object_id: Tensor  # int64 [b]
    environment_id: Tensor  # int64 [b], of the observation before; each outcome has its own

    @property
    def observations(self) -> Senses:
        """Senses [b, k + 1]: the observation before (view 0), then the k outcomes."""
        before, after = self.before, self.after
        return Senses(
            {name: torch.cat([before[name][:, None], after[name]], 1) for name in before},
            {name: torch.cat([before.present[name][:, None], after.present[name]], 1) for name in before},
        )


@dataclass(frozen=True)
class Targets(Batch):
    """What a probe may be scored on and a model is never handed."""

    class_id: Tensor  # int64 [b]
    object_id: Tensor  # int64 [b]
    pose_before: Tensor  # float32 [b, 4, 4]: T_camera_object, metres
    pose_after: Tensor  # float32 [b, k, 4, 4]
    physics: Tensor  # float32 [b, k, p]
    depth_after: Tensor | None = (
        None  # float32 [b, k, h, w] metres, free of noise; for the oracle of the collapse audit
    )


@dataclass(frozen=True)
class Beliefs(Batch):
    """What each sense holds, as independent Gaussians: N(mean, exp(-log_precision))."""

    mean: Tensor  # [..., m, d]
    log_precision: Tensor  # [..., m, d] or [..., m, 1]
    present: Tensor  # bool [..., m]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Embedding(Batch):
    """The senses fused, each sense alone, and how much each counted.

    The first ``num_invariant`` numbers of every embedding are the invariant part (which object it is); the others are
    the equivariant part (its pose), which moves with the action.
    """

    fused: Tensor  # [..., d]
    senses: dict[str, Tensor]  # name -> [..., d]; zeros where absent
    log_precision: Tensor  # [..., m, d] or [..., m, 1]
    weight: Tensor  # [..., m]: mean over d of the share of each sense, sums to 1 over m; 0 where absent
    present: Tensor  # bool [..., m]
    names: tuple[str, ...] = ()
    num_invariant: int = field(default=0)
    precision: Tensor | None = None
    """[..., m] of each sense in one number, 0 where absent; of `SensorimotorModel.embed`."""
    p_value: Tensor | None = None
    """[..., m] share of the observations of calibration that were as unusual, or more so; small where an observation is
    unlike all that was seen. NaN where the sense is absent, or the fusion rule does not say."""

    def of(self, sense: str = FUSED) -> Tensor:
        """[..., d] of one sense, or fused."""
        return self.fused if sense == FUSED else self.senses[sense]

    @property
    def beliefs(self) -> Beliefs:
        """What each sense alone held, as fusion rules take it."""
        mean = torch.stack([self.senses[name] for name in self.names], -2)
        return Beliefs(mean, self.log_precision, self.present, self.names)

    def invariant(self, sense: str = FUSED) -> Tensor:
        """[..., num_invariant]."""
        return self.of(sense)[..., : self.num_invariant]

    def equivariant(self, sense: str = FUSED) -> Tensor:
        """[..., d - num_invariant]."""
        return self.of(sense)[..., self.num_invariant :]


@dataclass(frozen=True)
class Loss:
    """``total`` to differentiate; ``parts`` detached, for the log. ``terms``: what the total is a weighted sum of, to
    differentiate one by one; empty where it is a single term."""

    total: Tensor  # []
    parts: dict[str, Tensor]  # name -> []
    terms: dict[str, Tensor] = field(default_factory=dict)  # name -> []
