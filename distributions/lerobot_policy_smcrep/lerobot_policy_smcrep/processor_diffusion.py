"""Pre- and postprocessor of ``smcrep_diffusion``."""

from typing import Any

from lerobot_policy_smcrep.configuration_diffusion import SmcrepDiffusionConfig
from lerobot_policy_smcrep.in_front import processors


def make_smcrep_diffusion_pre_post_processors(
    config: SmcrepDiffusionConfig, dataset_stats: dict[str, dict[str, Any]] | None = None
) -> tuple:
    return processors(config, dataset_stats, None)
