"""What both policy types share: the encoder's settings in their configuration, and the step in their preprocessor."""

from dataclasses import dataclass, field
from typing import Any

from lerobot.configs import FeatureType, NormalizationMode, PolicyFeature, PreTrainedConfig
from lerobot.processor import make_default_policy_processor_steps, make_policy_processor_pipelines
from lerobot.utils.constants import OBS_ENV_STATE, OBS_STATE

from lerobot_policy_smcrep.embed_step import EmbedStep


@dataclass
class InFront:
    """Fields of a policy's configuration with the meaning of `EmbedStep`'s. The embedding is normalised by the data
    set's statistics of it, unless ``normalization_mapping`` says otherwise; LeRobot's own policies do not do so."""

    encoder: str = ""
    encoder_keys: dict[str, str] = field(default_factory=lambda: {"rgb": "observation.image"})
    encoder_part: str = "fused"
    encoder_normalised: bool = False
    encoder_sha256: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[misc]  # of LeRobot's configuration, which stands behind in the order
        self.normalization_mapping: dict[str, NormalizationMode]
        self.normalization_mapping.setdefault("ENV", NormalizationMode.MEAN_STD)

    def embed_step(self) -> EmbedStep:
        if not self.encoder:
            raise ValueError("no encoder; give --policy.encoder=FOLDER, a run or model folder of smcrep")
        return EmbedStep(
            self.encoder, self.encoder_keys, self.encoder_part, self.encoder_normalised, self.encoder_sha256
        )

    def see_by_embedding(self) -> None:
        """Inputs are the robot's state and the embedding; what the encoder looks at goes no further."""
        step = self.embed_step()
        self.encoder_sha256 = step.sha256
        given: dict[str, PolicyFeature] = self.input_features  # type: ignore[attr-defined]
        state = {OBS_STATE: given[OBS_STATE]} if OBS_STATE in given else {}
        embedding = {OBS_ENV_STATE: PolicyFeature(type=FeatureType.ENV, shape=(step.dim,))}
        self.input_features = state | embedding


def processors(config: PreTrainedConfig, dataset_stats: dict[str, dict[str, Any]] | None, device: str | None) -> tuple:
    """LeRobot's usual pipelines, with the embedding made first: LeRobot makes a batch of one of pictures and
    states, not of clouds.

    ValueError where the data set has no statistics of the embedding: LeRobot would skip its normalisation in silence.
    """
    assert isinstance(config, InFront)
    if dataset_stats is not None and OBS_ENV_STATE not in dataset_stats:
        raise ValueError(
            f"the data set has no statistics of {OBS_ENV_STATE}; write the embeddings into a copy of it first "
            "(experiments/extract.py --lerobot-copy), and train on that"
        )
    steps = make_default_policy_processor_steps(config, dataset_stats, normalizer_device=device)
    return make_policy_processor_pipelines(
        input_steps=[
            steps.rename_observations, config.embed_step(), steps.add_batch_dim, steps.to_device, steps.normalize
        ],
        output_steps=[steps.unnormalize, steps.to_cpu],
    )  # fmt: skip
