"""smcrep's embedding in LeRobot: a processor step and two policy types, registered when LeRobot imports this."""

from lerobot_policy_smcrep.configuration_act import SmcrepActConfig
from lerobot_policy_smcrep.configuration_diffusion import SmcrepDiffusionConfig
from lerobot_policy_smcrep.embed_step import EmbedStep

__all__ = ["EmbedStep", "SmcrepActConfig", "SmcrepDiffusionConfig"]
