"""Environment types of LeRobot: Meta-World as it truly stands, and as smcrep sees it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gymnasium.vector import SyncVectorEnv, VectorEnv
from lerobot.configs import FeatureType, PolicyFeature
from lerobot.envs.configs import EnvConfig
from lerobot.envs.utils import freeze_after_episode_end
from lerobot.processor import PolicyProcessorPipeline
from lerobot.utils.constants import ACTION, OBS_ENV_STATE, OBS_IMAGE, OBS_STATE
from lerobot_policy_smcrep import EmbedStep

POINTS = "observation.points"
KEYS = {"rgb": OBS_IMAGE, "points": POINTS}
"""Sense -> key of the observation."""
NUM_TRUE = 17


@dataclass
class _Metaworld(EnvConfig):
    task: str | None = "drawer-open-v3"
    fps: int = 80
    episode_length: int = 200
    size: int = 128

    def __post_init__(self) -> None:
        self.features = {
            "action": PolicyFeature(type=FeatureType.ACTION, shape=(4,)),
            "agent_pos": PolicyFeature(type=FeatureType.STATE, shape=(4,)),
            "environment_state": PolicyFeature(type=FeatureType.ENV, shape=(self.num_env_state(),)),
        }
        self.features_map = {"action": ACTION, "agent_pos": OBS_STATE, "environment_state": OBS_ENV_STATE}

    @property
    def gym_kwargs(self) -> dict[str, Any]:
        return {"episode_length": self.episode_length, "size": self.size}

    def num_env_state(self) -> int:
        raise NotImplementedError

    def maker(self) -> Callable[[], Any]:
        raise NotImplementedError

    def create_envs(self, n_envs: int, use_async_envs: bool = False) -> dict[str, dict[int, VectorEnv]]:
        """One task, all in this process: of a CPU's cores the renderer takes what there is."""
        return {str(self.task): {0: SyncVectorEnv([freeze_after_episode_end(self.maker())] * n_envs)}}


@EnvConfig.register_subclass("smcrep_metaworld_state")
@dataclass
class SmcrepMetaworldStateConfig(_Metaworld):
    """``observation.environment_state`` is the true one: what a perfect encoder would give."""

    def num_env_state(self) -> int:
        return NUM_TRUE

    def maker(self) -> Callable[[], Any]:
        from lerobot_env_smcrep.metaworld_env import StateMetaworld

        return partial(StateMetaworld, str(self.task), **self.gym_kwargs)


@EnvConfig.register_subclass("smcrep_metaworld")
@dataclass
class SmcrepMetaworldConfig(_Metaworld):
    """Picture and cloud, embedded by ``encoder`` as a step of the environment. With ``encoder`` empty they are handed
    on as they are: to a policy that has the encoder in front."""

    encoder: str = ""
    encoder_part: str = "fused"
    encoder_keys: dict[str, str] = field(default_factory=lambda: dict(KEYS))
    encoder_normalised: bool = False
    encoder_sha256: str = ""
    num_points: int = 512

    def num_env_state(self) -> int:
        return self.embed_step().dim if self.encoder else 0

    def embed_step(self) -> EmbedStep:
        return EmbedStep(
            self.encoder, self.encoder_keys, self.encoder_part, self.encoder_normalised, self.encoder_sha256
        )

    def get_env_processors(self) -> tuple[PolicyProcessorPipeline, PolicyProcessorPipeline]:
        steps = [self.embed_step()] if self.encoder else []
        return PolicyProcessorPipeline(steps=steps), PolicyProcessorPipeline(steps=[])

    def maker(self) -> Callable[[], Any]:
        from lerobot_env_smcrep.metaworld_env import SeenMetaworld

        return partial(SeenMetaworld, str(self.task), num_points=self.num_points, **self.gym_kwargs)
