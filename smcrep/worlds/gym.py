"""The world as a gymnasium environment without a task: the reward is 0, the episode ends after a few actions.

import gymnasium, smcrep.worlds.gym
env = gymnasium.make("smcrep/World-v0", environment="kitchen")
"""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box, Dict
from numpy.typing import NDArray

from smcrep.geometry.action import KINDS
from smcrep.geometry.rotations import rotvec_to_rotation, spherical_direction
from smcrep.worlds.dynamics.actions import Hold, LiftAndDrop, Look, Push, Turn, WorldAction
from smcrep.worlds.dynamics.bodies import Bodies
from smcrep.worlds.dynamics.mechanics import UnstableSimulation
from smcrep.worlds.objects.families import procedural_set
from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.policy import Policy, sample_state
from smcrep.worlds.rendering.camera import look_at
from smcrep.worlds.rendering.clouds import partial_cloud, visible_pixels
from smcrep.worlds.rendering.environments import ENVIRONMENTS
from smcrep.worlds.rendering.sensors import View, render
from smcrep.worlds.world import State, branch

Observation = dict[str, Any]
ACTION_NUMBERS = len(KINDS) + 3 + 3 + 1
MAX_ANGLE = np.pi / 3  # radians
MAX_STEP_M = 0.05
MAX_LIFT_M = 0.1
MAX_FORCE_N = 10.0
PUSH_S = 0.03
ELEVATIONS = np.radians([15.0, 75.0])
FARTHEST_M = 10.0  # bound of the cloud's space
MAX_DRAWS = 100  # of one object in a row that do not come to rest


class WorldEnv(gymnasium.Env[Observation, NDArray[np.float32]]):
    """One object on a table, drawn at each reset, among the clutter of a named environment.

    Observation: "rgb" uint8 [h, w, 3]; "points" float32 [n, 3], metres, camera frame (x right, y down, z forward), the
    part of the object that is seen, zeros while nothing of it is. Light and background are drawn for each observation.

    Action: float32 [12] in [-1, 1], see `decode`. An action whose physics is unstable changes nothing and truncates the
    episode (info["unstable"]). info also has "T_camera_object" float64 [4, 4] and "object", its name.

    An object that physics cannot move (see `Bodies`), or that does not come to rest in MAX_DRAWS draws, is a
    ValueError; with on_bad="skip" it is left out, named on standard error, and kept with the reason in ``skipped``.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 2}  # noqa: RUF012 (gymnasium's own declaration)

    def __init__(
        self,
        *,
        objects: Sequence[ObjectModel] | None = None,
        environment: str = "studio",
        image_size: int = 64,
        num_points: int = 256,
        max_steps: int = 8,
        render_mode: str | None = None,
        on_bad: Literal["stop", "skip"] = "stop",
    ) -> None:
        if environment not in ENVIRONMENTS:
            raise ValueError(f"WorldEnv: no environment {environment!r}; choose from {', '.join(ENVIRONMENTS)}")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"WorldEnv: render_mode is {render_mode!r}; give None or 'rgb_array'")
        if on_bad not in ("stop", "skip"):
            raise ValueError(f"WorldEnv: on_bad is {on_bad!r}; give 'stop' or 'skip'")
        self.objects = procedural_set(16, 0) if objects is None else list(objects)
        if not self.objects:
            raise ValueError("WorldEnv: objects is empty; give at least one, or None for procedural ones")
        self.on_bad, self.skipped, self._failed = on_bad, dict[str, str](), Counter[str]()
        for obj in tuple(self.objects):
            try:
                Bodies((obj,))
            except ValueError as error:
                self._leave_out(obj, error)
        self.environment = ENVIRONMENTS[environment]
        self.image_size, self.num_points, self.max_steps = image_size, num_points, max_steps
        self.render_mode = render_mode
        self.action_space = Box(-1.0, 1.0, (ACTION_NUMBERS,), np.float32)
        self.observation_space = Dict(
            rgb=Box(0, 255, (image_size, image_size, 3), np.uint8),
            points=Box(-FARTHEST_M, FARTHEST_M, (num_points, 3), np.float32),
        )
        self.state: State
        self._steps = 0
        self._rgb = np.zeros((image_size, image_size, 3), np.uint8)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        super().reset(seed=seed)
        policy = Policy({"push": 1.0}, support="table")
        while True:
            obj = self.objects[self.np_random.integers(len(self.objects))]
            try:
                self.state = sample_state(
                    policy, obj, self.environment, self.np_random, image_size=self.image_size, others=self.objects
                )
                break
            except UnstableSimulation as error:  # a pose that does not come to rest, or inside the clutter
                self._failed[obj.name] += 1
                if self._failed[obj.name] == MAX_DRAWS:
                    self._leave_out(obj, ValueError(f"{MAX_DRAWS} draws do not come to rest ({error}); leave it out"))
        self._failed[obj.name] = 0
        self._steps = 0
        return self._observe(), self._info(unstable=False)

    def step(self, action: NDArray[np.float32]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        self._steps += 1
        unstable = False
        try:
            self.state = branch(self.state, decode(action, self.state))[0]
        except UnstableSimulation:
            unstable = True
        truncated = unstable or self._steps >= self.max_steps
        return self._observe(), 0.0, False, truncated, self._info(unstable=unstable)

    def render(self) -> NDArray[np.uint8] | None:  # type: ignore[override]
        return self._rgb.copy() if self.render_mode == "rgb_array" else None

    def _leave_out(self, obj: ObjectModel, error: ValueError) -> None:
        if self.on_bad == "stop":
            raise ValueError(f"WorldEnv: {obj.name}: {error}") from error
        self.objects.remove(obj)
        self.skipped[obj.name] = str(error)
        print(f"skipped: {obj.name}: {error}", file=sys.stderr)
        if not self.objects:
            raise ValueError(
                f"WorldEnv: all {len(self.skipped)} objects are left out ({error}); give others"
            ) from error

    def _observe(self) -> Observation:
        state = self.state
        scenery = self.environment.sample_scenery(self.np_random)
        frames = render([View(state.objects, state.poses, state.camera, scenery)])
        points = np.zeros((self.num_points, 3), np.float32)
        if visible_pixels(frames)[0]:
            points = partial_cloud(frames, [state.camera], self.num_points, self.np_random)[0]
        self._rgb = frames.rgb[0]
        return {"rgb": self._rgb.copy(), "points": points}

    def _info(self, *, unstable: bool) -> dict[str, Any]:
        return {
            "unstable": unstable,
            "object": self.state.objects[0].name,
            "T_camera_object": self.state.camera.T_camera_world @ self.state.poses[0],
        }


def decode(action: NDArray[np.float32], state: State) -> WorldAction:
    """The action float32 [12], each number in [-1, 1], as what is done to ``state``.

    [0:5]   scores of hold, turn, push, lift_and_drop, look (KINDS); the largest wins, the first of equals
    [5:8]   r: turn and lift rotate by the vector r * 60°, about the object's origin; look moves the camera around the
            object by r[0] * 60° of azimuth and r[1] * 60° of elevation (kept within 15° and 75°)
    [8:11]  t: turn moves by t * 5 cm; push goes along the horizontal direction (t[0], t[1]) (0, 0: along x)
    [11]    strength s: push with (s + 1) / 2 * 10 N for 0.03 s, lift by (s + 1) / 2 * 0.1 m
    """
    numbers = np.asarray(action, np.float64)
    if numbers.shape != (ACTION_NUMBERS,) or not np.isfinite(numbers).all():
        raise ValueError(f"decode: action has shape {numbers.shape}; give {ACTION_NUMBERS} finite numbers in [-1, 1]")
    numbers = np.clip(numbers, -1, 1)
    scores, angles, step, strength = numbers[:5], numbers[5:8] * MAX_ANGLE, numbers[8:11], (numbers[11] + 1) / 2
    centre = state.poses[0, :3, 3]
    match KINDS[int(scores.argmax())]:
        case "turn":
            return Turn(rotvec_to_rotation(torch.from_numpy(angles)).numpy(), step * MAX_STEP_M, centre)
        case "push":
            length = float(np.hypot(step[0], step[1]))
            direction = np.array([step[0], step[1], 0.0]) / length if length > 1e-6 else np.array([1.0, 0.0, 0.0])
            return Push(centre, direction, strength * MAX_FORCE_N, PUSH_S)
        case "lift_and_drop":
            return LiftAndDrop(strength * MAX_LIFT_M, rotvec_to_rotation(torch.from_numpy(angles)).numpy(), centre)
        case "look":
            return Look(_orbit(state.camera.T_world_camera[:3, 3], centre, angles[0], angles[1]), centre)
        case _:
            return Hold()


def _orbit(eye: NDArray[np.float64], centre: NDArray[np.float64], azimuth: float, elevation: float) -> NDArray:
    """T_world_camera [4, 4] after going around ``centre`` at the same distance; angles in radians."""
    x, y, z = eye - centre
    distance = float(np.linalg.norm(eye - centre))
    azimuth += np.arctan2(y, x)
    elevation = float(np.clip(elevation + np.arcsin(z / distance), *ELEVATIONS))
    return look_at(centre + distance * spherical_direction(azimuth, elevation), centre)


gymnasium.register("smcrep/World-v0", entry_point="smcrep.worlds.gym:WorldEnv")
