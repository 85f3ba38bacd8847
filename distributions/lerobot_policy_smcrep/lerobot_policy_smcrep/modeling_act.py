"""ACT behind the encoder: its input is the embedding, whatever cameras the data set has."""

from typing import Any

from lerobot.policies.act.modeling_act import ACTPolicy

from lerobot_policy_smcrep.configuration_act import SmcrepActConfig


class SmcrepActPolicy(ACTPolicy):
    config_class = SmcrepActConfig
    name = "smcrep_act"

    def __init__(self, config: SmcrepActConfig, **kwargs: Any) -> None:
        config.see_by_embedding()
        super().__init__(config, **kwargs)
