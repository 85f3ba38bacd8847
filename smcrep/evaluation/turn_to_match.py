"""Episodes of turning to match: an object in the hand is turned, a little at a time, until it looks as in a picture and
cloud of its goal."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import roma
import torch
from numpy.typing import NDArray

from smcrep.geometry.rotations import rotvec_to_rotation
from smcrep.probes.symmetry import AddS
from smcrep.senses import DEFAULT_SENSES, SENSES
from smcrep.worlds.dynamics.actions import Turn
from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.policy import Policy, sample_rotation, sample_state
from smcrep.worlds.rendering.environments import ENVIRONMENTS
from smcrep.worlds.rendering.sensors import View, render
from smcrep.worlds.rendering.views import RenderedViews
from smcrep.worlds.world import State, branch

Floats = NDArray[np.float64]

CLOSE = 0.05
"""An object matches its goal where its ADD-S (`smcrep.probes.symmetry.add_s`) is at most this: of an object 20 cm
across, its surface then lies 6 mm from where it should be, on average. A symmetric object has several goals."""
NUM_SURFACE = 400
NUM_DRAWS = 40
"""Pairs of start and goal that an object is tried with."""
LEAST = 0.25
"""Share of them that must differ."""


class TurnToMatch:
    """n episodes at once, of one object each; nothing else is in view. Orientations of start and goal are independent
    draws of ``policy``; the camera stays, light and background are drawn for each observation.

    objects       of the episodes, in turn. One that matches most goals as it is (a ball) is left out: ``skipped``.
    environments  names; each episode has one, drawn
    senses        that are simulated
    max_deg       most that one action turns by
    states        as they are now; goals float64 [n, 3, 3] R_world_object; rotations to and from are of the world
    """

    def __init__(
        self,
        objects: Sequence[ObjectModel],
        environments: Sequence[str],
        num_episodes: int,
        seed: int,
        *,
        policy: Policy | None = None,
        senses: Sequence[str] = DEFAULT_SENSES,
        image_size: int = 64,
        num_points: int = 256,
        max_deg: float = 30.0,
    ) -> None:
        if num_episodes < 1 or not objects or max_deg <= 0:
            raise ValueError("TurnToMatch: give objects, at least one episode, and max_deg above 0")
        self.policy, self.num_points, self.max_deg = policy or Policy(), num_points, max_deg
        self._simulate = {name: each for name in senses if (each := SENSES[name].simulate)}
        if len(self._simulate) < len(senses):
            raise ValueError(f"TurnToMatch: of {', '.join(senses)} only {', '.join(self._simulate)} are simulated")
        if self.policy.support != "hand":
            raise ValueError("TurnToMatch: the policy's support is 'table', where turns settle; give 'hand'")
        self._add_s = {obj.name: _add_s(obj) for obj in objects}
        self.skipped: list[str] = []
        kept = [obj for obj in objects if self._has_goals(obj, np.random.default_rng(0))]
        if not kept:
            raise ValueError(f"TurnToMatch: every one of {len(objects)} objects looks the same from all sides")
        self._rngs = [np.random.default_rng([seed, i]) for i in range(num_episodes)]
        self._environments = [ENVIRONMENTS[environments[int(rng.integers(len(environments)))]] for rng in self._rngs]
        self.states: list[State] = []
        goals = []
        for i, (environment, rng) in enumerate(zip(self._environments, self._rngs, strict=True)):
            obj = kept[i % len(kept)]
            while True:
                state = sample_state(self.policy, obj, environment, rng, image_size=image_size)
                goal = sample_rotation(self.policy, rng)
                if self._distance(state, goal) > CLOSE:
                    break
            self.states.append(state)
            goals.append(goal)
        self.goals = np.stack(goals)

    def __len__(self) -> int:
        return len(self.states)

    @property
    def object_ids(self) -> NDArray[np.int64]:
        """int64 [n]: equal for episodes of one object."""
        return np.unique([state.objects[0].name for state in self.states], return_inverse=True)[1]

    def see(self) -> dict[str, NDArray]:
        """Sense -> [n, ...] as its record says, of the objects as they are."""
        return self._seen(self.states)

    def see_goals(self) -> dict[str, NDArray]:
        """The same, of the goals."""
        return self._seen([_at(state, goal) for state, goal in zip(self.states, self.goals, strict=True)])

    def left(self) -> Floats:
        """float64 [n, 3]: the rotation vector, in radians and the camera's frame, from each object to its goal."""
        now, goals = torch.from_numpy(self.orientations()).unbind(1)
        return roma.rotmat_to_rotvec(goals @ now.mT).numpy()

    def orientations(self) -> Floats:
        """float64 [n, 2, 3, 3]: R_camera_object as it is, and of the goal."""
        now = [(s.camera.T_camera_world[:3, :3], s.poses[0, :3, :3]) for s in self.states]
        return np.stack([np.stack([c @ r, c @ goal]) for (c, r), goal in zip(now, self.goals, strict=True)])

    def centres(self) -> Floats:
        """float64 [n, 3], metres, camera frame: what the objects are turned about."""
        return np.stack([(s.camera.T_camera_world @ s.poses[0])[:3, 3] for s in self.states])

    def step(self, actions: Floats) -> NDArray[np.bool_]:
        """Turn each object by a rotation vector [n, 3], radians, camera frame, about its centre, cut to ``max_deg``.
        bool [n]: where it matches its goal then."""
        actions = np.asarray(actions, np.float64)
        if actions.shape != (len(self), 3) or not np.isfinite(actions).all():
            raise ValueError(f"TurnToMatch: actions are {actions.shape}; give finite rotation vectors [{len(self)}, 3]")
        longest = np.linalg.norm(actions, axis=1, keepdims=True)
        actions = actions * np.minimum(1, np.radians(self.max_deg) / np.maximum(longest, 1e-12))
        turns = rotvec_to_rotation(torch.from_numpy(actions)).numpy()
        for i, (state, turn) in enumerate(zip(self.states, turns, strict=True)):
            to_camera = state.camera.T_camera_world[:3, :3]
            in_world = to_camera.T @ turn @ to_camera
            self.states[i] = branch(state, Turn(in_world, np.zeros(3), state.poses[0, :3, 3]))[0]
        return self.matches()

    def matches(self) -> NDArray[np.bool_]:
        """bool [n]: whether ADD-S to the goal is at most `CLOSE`."""
        apart = [self._distance(state, goal) for state, goal in zip(self.states, self.goals, strict=True)]
        return np.array(apart) <= CLOSE

    def _distance(self, state: State, goal: Floats) -> float:
        return float(self._add_s[state.objects[0].name](state.poses[:1, :3, :3], goal[None])[0])

    def _has_goals(self, obj: ObjectModel, rng: np.random.Generator) -> bool:
        starts, goals = (np.stack([sample_rotation(self.policy, rng) for _ in range(NUM_DRAWS)]) for _ in range(2))
        if (self._add_s[obj.name](starts, goals) > CLOSE).mean() >= LEAST:
            return True
        self.skipped.append(obj.name)
        return False

    def _seen(self, states: Sequence[State]) -> dict[str, NDArray]:
        together = list(zip(states, self._environments, self._rngs, strict=True))
        views = [View(s.objects, s.poses, s.camera, e.sample_scenery(rng), table=False) for s, e, rng in together]
        frames, cameras = render(views), [state.camera for state in states]
        poses = np.stack([state.camera.T_camera_world @ state.poses[0] for state in states])
        seed = int(self._rngs[0].integers(2**32))
        found = {}
        for at, (name, simulate) in enumerate(self._simulate.items()):
            found[name] = simulate(RenderedViews(frames, cameras, poses, self.num_points, (seed, at)))
        return found


@lru_cache(maxsize=1024)
def _add_s(obj: ObjectModel) -> AddS:
    """Once for an object, however many tasks it is in."""
    return AddS(obj.surface(NUM_SURFACE))


def _at(state: State, rotation: Floats) -> State:
    poses = state.poses.copy()
    poses[0, :3, :3] = rotation
    return replace(state, poses=poses)
