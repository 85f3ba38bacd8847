"""Policy type ``smcrep_act``: LeRobot finds the policy and its processors beside this file, by its names."""

from dataclasses import dataclass

from lerobot.configs import PreTrainedConfig
from lerobot.policies.act.configuration_act import ACTConfig

from lerobot_policy_smcrep.in_front import InFront


@PreTrainedConfig.register_subclass("smcrep_act")
@dataclass
class SmcrepActConfig(InFront, ACTConfig):
    """ACT of LeRobot, that sees by an encoder of smcrep."""
