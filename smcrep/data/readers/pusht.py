"""Push-T (Chi et al. 2023, arXiv:2303.04137) and other tables with a pusher, as transitions over some control steps.

Zarr episodes with ``img`` [n, h, w, 3], ``state`` [n, 5] (pusher x, y; block x, y, angle in radians) and ``action``
[n, 2] (where the pusher is sent), all positions in pixels of a table of 512 x 512, x right, y down.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from smcrep.data.readers.repeats import copy_groups, repeats_report
from smcrep.data.readers.zarr_episodes import ZarrEpisodes
from smcrep.geometry.physics import PHYSICS_DIM
from smcrep.transition import Batch, Senses, Targets, Transition

TABLE = 512.0
"""Pixels along a side of the table."""


@dataclass(frozen=True)
class PusherPath(Batch):
    """Where the pusher is sent in h control steps, relative to where it is before the first: float32 [..., h, 2], in
    sides of the table. Contacts decide the outcome, so these actions have no inverse."""

    targets: Tensor

    def vector(self) -> Tensor:
        """float32 [..., 2 h]."""
        return self.targets.flatten(-2)

    @classmethod
    def identity(cls, *shape: int) -> Self:
        """One step, to where the pusher is."""
        return cls(torch.zeros(*shape, 1, 2))


class PushT:
    """A source of transitions with one outcome each, ``horizon`` control steps later in the same episode.

    rows      int64 [s]: the row of the file at which each transition begins; the others are too near the end.
    episodes  int64 [s]: its episode, which is its object: splits are by episode.
    state     float32 [n, 5] and action float32 [n, 2] of all rows, as in the file.
    report    what was found; empty episodes, rows that are not finite and copies of episodes, a line each
    """

    def __init__(self, path: str | Path, horizon: int = 8) -> None:
        if horizon < 1:
            raise ValueError(f"PushT: horizon is {horizon}; give at least 1 control step")
        self.files = ZarrEpisodes(path, {"rgb": "img"})
        self.horizon = horizon
        self.state, self.action = (self._vectors(name, size) for name, size in (("state", 5), ("action", 2)))
        n = self.files.num_rows
        ends = np.minimum(self.files.ends, n)
        own = np.searchsorted(ends, np.arange(n), side="right")
        bad = np.asarray(~np.isfinite(np.concatenate([self.state, self.action], 1)).all(1))
        until = np.concatenate([[0], np.cumsum(bad)])
        rows = np.arange(max(0, n - horizon))
        same = (own[rows] == own[rows + horizon]) & (own[rows] < len(ends))
        self.rows = rows[same & (until[rows + horizon + 1] == until[rows])]
        if not len(self.rows):
            raise ValueError(f"{path}: no episode has {horizon + 1} good rows; take a shorter horizon")
        self.episodes = own[self.rows].astype(np.int64)
        self.report = (*self.files.report, *self.files.faults, *self._faults(bad, ends))

    @property
    def object_ids(self) -> np.ndarray:
        return self.episodes

    def paths(self, states: np.ndarray) -> PusherPath:
        """Actions [b] of transitions [b]."""
        rows = self.rows[states]
        steps = rows[:, None] + np.arange(self.horizon)
        relative = (self.action[steps] - self.state[rows, None, :2]) / TABLE
        return PusherPath(torch.from_numpy(relative.astype(np.float32)))

    def pictures(self, rows: np.ndarray) -> np.ndarray:
        """uint8 [b, h, w, 3] of rows of the file; those of one chunk are decoded together. ValueError for a row that
        cannot be read."""
        order = np.argsort(rows, kind="stable")
        found: list[np.ndarray | None] = [None] * len(rows)
        for place in order.tolist():
            row = int(rows[place])
            read = self.files.read(range(row, row + 1), ["rgb"])
            if row in read.failed:
                raise ValueError(f"{self.files.where}: {read.failed[row]}; leave its episode out")
            found[place] = read.data["rgb"][0]
        return np.stack([picture for picture in found if picture is not None])

    def load(self, states: np.ndarray, epoch: int) -> tuple[Transition, Targets]:
        """Transitions [b]. Poses are of the block, in sides of the table; physics is NaN."""
        states = np.asarray(states, np.int64)
        before, after = self.rows[states], self.rows[states] + self.horizon
        rgb = torch.from_numpy(self.pictures(np.concatenate([before, after])))
        b, episode = len(states), torch.from_numpy(self.episodes[states])
        transition = Transition(
            before=Senses.all_present({"rgb": rgb[:b]}),
            after=Senses.all_present({"rgb": rgb[b:, None]}, 2),
            action=self.paths(states)[:, None],  # type: ignore[arg-type]
            physics=None,
            state_id=torch.from_numpy(states),
            object_id=episode,
            environment_id=torch.zeros(b, dtype=torch.int64),
        )
        targets = Targets(
            class_id=torch.zeros(b, dtype=torch.int64),
            object_id=episode,
            pose_before=block_pose(self.state[before]),
            pose_after=block_pose(self.state[after])[:, None],
            physics=torch.full((b, 1, PHYSICS_DIM), torch.nan),
        )
        return transition, targets

    def _vectors(self, name: str, size: int) -> np.ndarray:
        array = self.files.arrays.get(name)
        if array is None or array.ndim != 2 or array.shape[1] != size:
            found = "no such array" if array is None else f"it is {list(array.shape)}"
            raise ValueError(f"{self.files.where}: data/{name} is not [n, {size}] ({found}); give a Push-T replay")
        try:
            return np.asarray(array[: self.files.num_rows], np.float32)
        except Exception as error:  # codecs raise many kinds for damaged bytes
            why = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(f"{self.files.where}: data/{name} cannot be read ({why}); copy it again") from None

    def _faults(self, bad: np.ndarray, ends: np.ndarray) -> list[str]:
        where, starts = self.files.where, np.concatenate([[0], ends[:-1]])
        lines = [f"{where}: {int(bad.sum())} rows are not finite, first {int(bad.argmax())}; none leads over them"]
        lines = lines if bad.any() else []
        unused = np.setdiff1d(np.flatnonzero(ends > starts), self.episodes)
        lines += [f"{where}: episode {i} is too short for {self.horizon} steps; it is left out" for i in unused]
        whole = np.flatnonzero(ends > starts)
        groups = copy_groups(self.state[starts[i] : ends[i]].tobytes() for i in whole)
        names = [f"episode {i}" for i in whole]
        return [*lines, *repeats_report(where, names, groups, np.zeros(len(whole), bool))]


def block_pose(state: np.ndarray) -> Tensor:
    """float32 [..., 4, 4]: the block's turn about the axis that goes into the table, and its place in sides of it."""
    cos, sin = np.cos(state[..., 4]), np.sin(state[..., 4])
    pose = np.zeros((*state.shape[:-1], 4, 4), np.float32)
    pose[..., 0, 0] = pose[..., 1, 1] = cos
    pose[..., 0, 1], pose[..., 1, 0] = -sin, sin
    pose[..., 2, 2] = pose[..., 3, 3] = 1
    pose[..., :2, 3] = state[..., 2:4] / TABLE
    return torch.from_numpy(pose)
