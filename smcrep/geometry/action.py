"""Typed actions in SI units and a declared frame, and their one conversion to a vector."""

from dataclasses import dataclass, fields
from typing import Protocol, Self

import torch
from torch import Tensor

KINDS = ("hold", "turn", "push", "lift_and_drop", "look")
"""The order of the one-hot in `Action.vector`."""

RIGID_KINDS = ("hold", "turn", "look")
"""Kinds whose outcome is exactly the commanded motion, so that actions between outcomes compose exactly."""

ACTION_DIM = len(KINDS) + 9 + 3 + 3 + 3 + 1


class ActionLike(Protocol):
    """`Action`, or the parameters of an image augmentation: what a predictor can be conditioned on."""

    def vector(self) -> Tensor: ...

    @classmethod
    def identity(cls, *shape: int) -> Self: ...

    def to(self, device: torch.device | str) -> Self: ...

    def __getitem__(self, index: object) -> Self: ...


@dataclass(frozen=True)
class Action:
    """A batch of actions in the frame of the camera before the action (x right, y down, z forward).

    motion    the commanded rigid motion of the object: a point of it at x before is at ``motion @ [x, 1]`` after, in
              the coordinates of the camera that observes the outcome. `turn` moves the object; `look` moves the
              camera, so the object's coordinates move by the inverse of the camera's motion; `push` and `hold`
              command the identity (the effect of a push is left to physics); `lift_and_drop` commands the lift.
    contact   grasp point, contact point of a push, or fixation point of a look.
    """

    kind: Tensor  # int64 [...], index into KINDS
    motion: Tensor  # float32 [..., 4, 4], SE(3), metres
    contact: Tensor  # float32 [..., 3], metres
    force: Tensor  # float32 [..., 3], newtons
    duration: Tensor  # float32 [...], seconds

    def __getitem__(self, index: object) -> "Action":
        return Action(*(t[index] for t in (self.kind, self.motion, self.contact, self.force, self.duration)))  # type: ignore[index]

    def to(self, device: torch.device | str) -> "Action":
        return Action(*(t.to(device) for t in (self.kind, self.motion, self.contact, self.force, self.duration)))

    @classmethod
    def identity(cls, *shape: int) -> "Action":
        """The identity action, `hold`."""
        return cls(
            torch.full(shape, KINDS.index("hold")),
            torch.eye(4).expand(*shape, 4, 4).clone(),
            torch.zeros(*shape, 3),
            torch.zeros(*shape, 3),
            torch.zeros(shape),
        )

    @property
    def is_rigid(self) -> Tensor:
        """bool [...]: whether the outcome is exactly the commanded motion."""
        rigid = torch.tensor([kind in RIGID_KINDS for kind in KINDS], device=self.kind.device)
        return rigid[self.kind]

    def inverse(self) -> "Action":
        """The action that undoes this one, in the coordinates of the outcome. Exact for `RIGID_KINDS` only."""
        rotation, translation = self.motion[..., :3, :3].mT, self.motion[..., :3, 3]
        motion = torch.zeros_like(self.motion)
        motion[..., :3, :3] = rotation
        motion[..., :3, 3] = -(rotation @ translation[..., None])[..., 0]
        motion[..., 3, 3] = 1
        return Action(self.kind, motion, apply(self.motion, self.contact), -self.force, self.duration)

    def then(self, second: "Action") -> "Action":
        """This action followed by ``second`` (given in the coordinates of this one's outcome): motions multiply
        from the left, ``second.motion @ self.motion``. After `hold`, kind and contact point are the second's."""
        idle = self.kind == KINDS.index("hold")
        kind = torch.where(idle, second.kind, self.kind)
        contact = torch.where(idle[..., None], second.contact, self.contact)
        return Action(
            kind, second.motion @ self.motion, contact, self.force + second.force, self.duration + second.duration
        )

    def chain(self, steps: int) -> "list[Action]":
        """Actions [s, 1] that lead from view 0 to view 1, from there to view 2, ... of the outcomes of these actions
        [s, k] (rigid kinds), each in the coordinates of the view that it starts from."""
        links = [self[:, :1]]
        for i in range(1, steps):
            links.append(self[:, i - 1 : i].inverse().then(self[:, i : i + 1]))
        return links

    @staticmethod
    def where(first: Tensor, a: "Action", b: "Action") -> "Action":
        """``a`` [n] where ``first`` bool [n] holds, else ``b``."""

        def choose(x: Tensor, y: Tensor) -> Tensor:
            return torch.where(first.view(-1, *[1] * (x.ndim - 1)), x, y)

        return Action(*(choose(getattr(a, f.name), getattr(b, f.name)) for f in fields(Action)))

    def vector(self) -> Tensor:
        """float32 [..., ACTION_DIM]: one-hot of the kind (5), rotation matrix by rows (9), displacement of the contact
        point in metres (3), contact point in metres (3), force in newtons (3), duration in seconds (1). Not scaled:
        `ActionScale`, fitted on the sampler, does that inside the model."""
        one_hot = torch.nn.functional.one_hot(self.kind, len(KINDS)).to(self.motion.dtype)
        rotation = self.motion[..., :3, :3].flatten(-2)
        displacement = apply(self.motion, self.contact) - self.contact
        return torch.cat([one_hot, rotation, displacement, self.contact, self.force, self.duration[..., None]], -1)


def apply(motion: Tensor, x: Tensor) -> Tensor:
    """Points x [..., 3] moved by rigid motions [..., 4, 4] (leading axes broadcast)."""
    return (motion[..., :3, :3] @ x[..., None])[..., 0] + motion[..., :3, 3]
