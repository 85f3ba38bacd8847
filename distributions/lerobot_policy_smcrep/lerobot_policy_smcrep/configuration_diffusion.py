"""Policy type ``smcrep_diffusion``: LeRobot finds the policy and its processors beside this file, by its names."""

from dataclasses import dataclass

from lerobot.configs import PreTrainedConfig
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig

from lerobot_policy_smcrep.in_front import InFront


@PreTrainedConfig.register_subclass("smcrep_diffusion")
@dataclass
class SmcrepDiffusionConfig(InFront, DiffusionConfig):
    """Diffusion of LeRobot, that sees by an encoder of smcrep."""
