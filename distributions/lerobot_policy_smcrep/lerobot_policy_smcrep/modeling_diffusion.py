"""Diffusion behind the encoder: its input is the embedding, whatever cameras the data set has."""

from typing import Any

from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy

from lerobot_policy_smcrep.configuration_diffusion import SmcrepDiffusionConfig


class SmcrepDiffusionPolicy(DiffusionPolicy):
    config_class = SmcrepDiffusionConfig
    name = "smcrep_diffusion"

    def __init__(self, config: SmcrepDiffusionConfig, **kwargs: Any) -> None:
        config.see_by_embedding()
        super().__init__(config, **kwargs)
