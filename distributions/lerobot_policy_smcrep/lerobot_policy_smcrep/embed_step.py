"""The processor step ``smcrep_embed``: senses of an observation -> ``observation.environment_state``."""

from dataclasses import dataclass, field
from typing import Any

from lerobot.configs import FeatureType, PipelineFeatureType, PolicyFeature
from lerobot.processor import ObservationProcessorStep, ProcessorStepRegistry
from lerobot.utils.constants import OBS_ENV_STATE
from torch import Tensor

from lerobot_policy_smcrep.encoder import known_encoder


@dataclass
@ProcessorStepRegistry.register(name="smcrep_embed")
class EmbedStep(ObservationProcessorStep):
    """Stands before the normaliser: the encoder takes pictures of 0 to 1, clouds in metres, in the camera's frame.

    model       run or model folder of smcrep; its weights stay there
    keys        sense -> key of the observation; a key that is not there is an absent sense
    part        of the embedding (`smcrep.extraction.output`)
    normalised  to length 1, as of the extraction
    sha256      of the weights, filled in when the step is made; a saved step refuses others

    An embedding that is there already (a copy of the data set holds it) is kept: training runs no encoder.
    """

    model: str
    keys: dict[str, str] = field(default_factory=lambda: {"rgb": "observation.image"})
    part: str = "fused"
    normalised: bool = False
    sha256: str = ""

    def __post_init__(self) -> None:
        self._encoder = known_encoder(self.model, self.part, self.normalised, self.sha256)
        self._encoder.check(self.keys)
        self.sha256 = self._encoder.sha256

    @property
    def dim(self) -> int:
        return self._encoder.dim

    def observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        held = observation.get(OBS_ENV_STATE)
        if held is not None:
            return self._kept(observation, held)
        senses = {sense: observation[key] for sense, key in self.keys.items() if key in observation}
        if not senses:
            raise ValueError(
                f"smcrep_embed: the observation has none of {', '.join(self.keys.values())} but "
                f"{', '.join(sorted(observation))}; name its keys (sense: key)"
            )
        return observation | {OBS_ENV_STATE: self._encoder(senses)}

    def _kept(self, observation: dict[str, Any], held: Tensor) -> dict[str, Any]:
        if held.shape[-1] != self.dim:
            raise ValueError(
                f"smcrep_embed: {OBS_ENV_STATE} holds {held.shape[-1]} numbers already and the embedding has "
                f"{self.dim}; extract with the same model and part, or take the data set without it"
            )
        return observation

    def get_config(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("model", "keys", "part", "normalised", "sha256")}

    def transform_features(
        self, features: dict[PipelineFeatureType, dict[str, PolicyFeature]]
    ) -> dict[PipelineFeatureType, dict[str, PolicyFeature]]:
        of_observation = features.get(PipelineFeatureType.OBSERVATION, {})
        embedding = {OBS_ENV_STATE: PolicyFeature(type=FeatureType.ENV, shape=(self.dim,))}
        return features | {PipelineFeatureType.OBSERVATION: of_observation | embedding}
