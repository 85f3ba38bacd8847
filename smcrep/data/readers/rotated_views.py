"""Pictures of objects whose orientation is known, as transitions: the action is the turn between two of them."""

from dataclasses import dataclass

import numpy as np
import torch

from smcrep.data.readers.encoded import Pictures
from smcrep.geometry.action import KINDS, Action
from smcrep.geometry.physics import PHYSICS_DIM
from smcrep.transition import Senses, Targets, Transition


@dataclass(frozen=True, eq=False)
class RotatedViews:
    """A source of transitions: every picture is a state, and its outcomes are other pictures of the same object.

    rotation   float64 [n, 3, 3] of the object in each picture, in axes of the data set that do not move.
    objects    int64 [n]: which object each picture shows.

    The turn from picture a to b is R_b R_a^T about the object's centre, in those axes. They need not be the camera's:
    while the camera stands still, that is one change of basis for all actions. Outcomes depend on (seed, epoch, state)
    alone.
    """

    pictures: Pictures
    rotation: np.ndarray
    objects: np.ndarray
    image_size: int
    num_branches: int
    seed: int

    def __post_init__(self) -> None:
        counts = np.bincount(self.objects)
        short = np.flatnonzero((counts > 0) & (counts <= self.num_branches))
        if len(short):
            name = self.pictures.names[int(np.flatnonzero(self.objects == short[0])[0])]
            raise ValueError(
                f"{self.pictures.where}: the object of {name} has {counts[short[0]]} pictures for {self.num_branches} "
                "outcomes of each; take fewer outcomes or leave it out"
            )

    @property
    def object_ids(self) -> np.ndarray:
        return self.objects

    @property
    def class_ids(self) -> np.ndarray:
        return self.pictures.labels

    def outcomes(self, states: np.ndarray, epoch: int) -> np.ndarray:
        """int64 [b, k]: pictures of the same object, none twice, none the state itself."""
        found = np.empty((len(states), self.num_branches), np.int64)
        for row, state in enumerate(np.asarray(states).tolist()):
            rng = np.random.default_rng([self.seed, epoch, state])
            others = np.flatnonzero(self.objects == self.objects[state])
            found[row] = rng.choice(others[others != state], self.num_branches, replace=False)
        return found

    def load(self, states: np.ndarray, epoch: int) -> tuple[Transition, Targets]:
        """States [b]; poses have translation 0, physics is NaN."""
        after = self.outcomes(states, epoch)
        b, k = after.shape
        index = torch.from_numpy(np.asarray(states, np.int64))
        object_id = torch.from_numpy(self.objects[states])
        transition = Transition(
            before=Senses.all_present({"rgb": self._pictures(np.asarray(states))}),
            after=Senses.all_present({"rgb": self._pictures(after.ravel()).unflatten(0, (b, k))}, 2),
            action=self.turn(np.asarray(states)[:, None], after),
            physics=None,
            state_id=index,
            object_id=object_id,
            environment_id=torch.zeros(b, dtype=torch.int64),
        )
        targets = Targets(
            class_id=torch.from_numpy(self.class_ids[states]),
            object_id=object_id,
            pose_before=_pose(self.rotation[states]),
            pose_after=_pose(self.rotation[after]),
            physics=torch.full((b, k, PHYSICS_DIM), torch.nan),
        )
        return transition, targets

    def turn(self, before: np.ndarray, after: np.ndarray) -> Action:
        """Actions [...] from pictures to pictures, whose axes broadcast."""
        rotation = self.rotation[after] @ self.rotation[before].swapaxes(-1, -2)
        action = Action.identity(*rotation.shape[:-2])
        action.motion[..., :3, :3] = torch.from_numpy(rotation).float()
        action.kind.fill_(KINDS.index("turn"))
        return action

    def _pictures(self, rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.stack([self.pictures.decode(int(row), self.image_size) for row in rows]))


def _pose(rotation: np.ndarray) -> torch.Tensor:
    """float32 [..., 4, 4]."""
    pose = torch.eye(4).expand(*rotation.shape[:-2], 4, 4).clone()
    pose[..., :3, :3] = torch.from_numpy(rotation).float()
    return pose
