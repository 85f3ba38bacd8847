"""Pre- and postprocessor of ``smcrep_act``."""

from typing import Any

from lerobot_policy_smcrep.configuration_act import SmcrepActConfig
from lerobot_policy_smcrep.in_front import processors


def make_smcrep_act_pre_post_processors(
    config: SmcrepActConfig, dataset_stats: dict[str, dict[str, Any]] | None = None
) -> tuple:
    return processors(config, dataset_stats, config.device)
