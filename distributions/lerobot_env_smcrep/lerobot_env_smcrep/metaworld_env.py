"""LeRobot's Meta-World environment with a fast camera, and with what its observations lack: a cloud, or the true state.

Every observation is rendered once, whoever asks for it: the policy, or LeRobot's video.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from gymnasium import spaces
from lerobot.envs.metaworld import MetaworldEnv

from lerobot_env_smcrep.camera import Camera
from lerobot_env_smcrep.views import scene_cloud, upright

CAMERA = "corner2"
"""Hangs head down in Meta-World; LeRobot moves it nearer."""
FAR_M = 2.0
"""Walls and floor beyond are no part of the cloud."""
NUM_HAND = 4
"""The robot's state: the hand's position, metres, and how far the gripper is open."""
OBJECTS = slice(4, 18)
"""Of Meta-World's observation: positions and quaternions of the objects."""
GOAL = slice(36, 39)


def true_state(raw: np.ndarray) -> np.ndarray:
    """float64 [17]: objects, then the goal where the task shows it (zeros where not)."""
    return np.concatenate([raw[OBJECTS], raw[GOAL]])


class FastMetaworld(MetaworldEnv, ABC):
    """Ends after ``episode_length`` steps, or with success. ``reset(seed=...)`` places objects by the seed."""

    def __init__(self, task: str, *, episode_length: int, size: int) -> None:
        super().__init__(task, camera_name=CAMERA, obs_type="pixels_agent_pos")
        self._max_episode_steps = episode_length
        self.size = size
        self.camera: Camera | None = None
        self._picture: np.ndarray | None = None
        self.observation_space = spaces.Dict({"agent_pos": box(NUM_HAND)} | self._spaces())

    @abstractmethod
    def _spaces(self) -> dict[str, spaces.Space]: ...

    @abstractmethod
    def _seen(self, raw: np.ndarray) -> dict[str, np.ndarray]: ...

    def _ensure_env(self) -> None:
        if self._env is None:
            super()._ensure_env()
            self.camera = Camera(self.simulation.model, CAMERA, self.size)

    @property
    def simulation(self) -> Any:
        """Meta-World's own environment."""
        assert self._env is not None
        return self._env

    def _format_raw_obs(self, raw_obs: np.ndarray) -> dict[str, np.ndarray]:
        self._picture = None
        self.raw = raw_obs  # what the scripted expert acts on
        return {"agent_pos": raw_obs[:NUM_HAND]} | self._seen(raw_obs)

    def render(self) -> np.ndarray:
        """uint8 [size, size, 3] of the present state."""
        self._ensure_env()
        assert self.camera is not None
        if self._picture is None:
            self._picture = upright(self.camera.picture(self.simulation.data))
        return self._picture

    def see(self, num_points: int) -> tuple[np.ndarray, np.ndarray]:
        """uint8 [size, size, 3] and float32 [num_points, 3], metres in the camera's frame, of the present state."""
        picture = self.render()
        assert self.camera is not None
        depth = upright(self.camera.depth(self.simulation.data))
        return picture, scene_cloud(depth, self.camera.fovy_deg, num_points, FAR_M)

    def close(self) -> None:
        if self.camera is not None:
            self.camera.close()
        super().close()


class StateMetaworld(FastMetaworld):
    """Renders nothing unasked."""

    def _spaces(self) -> dict[str, spaces.Space]:
        return {"environment_state": box(len(true_state(np.zeros(39))))}

    def _seen(self, raw: np.ndarray) -> dict[str, np.ndarray]:
        return {"environment_state": true_state(raw)}


class SeenMetaworld(FastMetaworld):
    """The camera's picture, and its cloud of ``num_points``."""

    def __init__(self, task: str, *, episode_length: int, size: int, num_points: int) -> None:
        self.num_points = num_points
        super().__init__(task, episode_length=episode_length, size=size)

    def _spaces(self) -> dict[str, spaces.Space]:
        picture = spaces.Box(0, 255, (self.size, self.size, 3), np.uint8)
        return {"pixels": picture, "points": spaces.Box(-np.inf, np.inf, (self.num_points, 3), np.float32)}

    def _seen(self, raw: np.ndarray) -> dict[str, np.ndarray]:
        picture, cloud = self.see(self.num_points)
        return {"pixels": picture, "points": cloud}


def box(size: int) -> spaces.Box:
    return spaces.Box(-np.inf, np.inf, (size,), np.float64)
